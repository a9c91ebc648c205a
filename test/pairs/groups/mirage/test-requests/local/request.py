import sys
import urllib.request

print(urllib.request.urlopen("http://%s:%s/mode" % tuple(sys.argv[1:3]), timeout=10).read().decode().strip())
