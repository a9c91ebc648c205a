shared () {
    echo "shared by the groups of $TEST_NAME"
}
