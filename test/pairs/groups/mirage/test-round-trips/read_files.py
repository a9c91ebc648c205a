import glob
import os
import re

for log in sorted(glob.glob("wait_x_pinger/remote/*_icmp.log")):
    host, size, _ = os.path.basename(log).split("_")
    with open(log) as lines:
        times = re.findall(r"time=([0-9.]+) ms", lines.read())
    print(host, size, len(times))
