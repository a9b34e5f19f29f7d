"""Shingsou's token with http.client: token.py URL"""
import http.client
import sys
from urllib.parse import urlsplit

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
FIELDS = [("grant_type", "client_credentials"), ("client_Id", "testid"), ("client_secret", "testsecret"),
          ("scope", "iot.cardservice.all iot.paymentservice.all")]

address = urlsplit(sys.argv[1])
body = "".join(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in FIELDS)
connection = http.client.HTTPConnection(address.netloc)
headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "cache-control": "no-cache"}
connection.request("POST", address.path, body + f"--{BOUNDARY}--", headers)
print(connection.getresponse().read().decode("utf-8"))
