
# A test of ktest's middle form is no program: it is sourced by whoever has the functions above. It has one function main, or
# functions test_…, or its own list_tests and run_test.
TEST_RUNNING='' LOGDIR=${ktest_out:-/tmp}
[[ ${1:-} != run-tests ]] || TEST_RUNNING=1
TESTDIR=$(dirname "$(readlink -e "$0")")
unset -f main
# shellcheck disable=SC1090 # beside this file
. "$TESTDIR/@SCRIPT@" deps
if declare -F main > /dev/null; then
	list_tests() { echo main; }
	run_test() { main; }
fi
ktest_main "$@"
