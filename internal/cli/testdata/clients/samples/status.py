"""CMIOT_API2002 with urllib: status.py URL MSISDN, in the test account's name"""
import hashlib
import sys
from urllib.parse import urlencode
from urllib.request import urlopen

appid, password, transid = "testid", "testsecret", "2016071314451512365445"
token = hashlib.sha256((appid + password + transid).encode()).hexdigest()
parameters = urlencode({"appid": appid, "ebid": "0006000000345", "transid": transid, "token": token, "msisdn": sys.argv[2]})
print(urlopen(sys.argv[1] + "/v2/userstatusrealsingle?" + parameters).read().decode("utf-8"))
