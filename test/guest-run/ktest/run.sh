#!/bin/bash
# As vSwarm-μ's: everything goes to a log that is sent at the end; a client is fetched from the host; the guest goes off.

rm results.log 2> /dev/null
touch results.log

exec 3>&1 4>&2
trap 'exec 2>&4 1>&3' 0 1 2 3
exec 1> results.log 2>&1

curl "http://10.0.2.2:3003/test-client" -f -o /root/test-client && CLIENT_RES=$?
chmod 755 /root/test-client

/root/test-client -url localhost && INVOKER_RES=$?

if [ $INVOKER_RES ] && [ $CLIENT_RES ]; then
    echo "SUCCESS: All commands completed successfully"
else
    echo "FAIL: Commands failed"
fi

exec 2>&4 1>&3

curl "http://10.0.2.2:3003/upload" -F 'files=@results.log'

shutdown -h now
