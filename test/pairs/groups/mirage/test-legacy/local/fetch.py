import sys
import urllib.request

url = "http://%s:%s/page.txt" % (sys.argv[1], sys.argv[2])
print(urllib.request.urlopen(url, timeout=10).read().decode().strip())
