'use strict';
// Shingsou's token as a form that is written out and sent in chunks: node token.js URL
const http = require('http');

const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
const fields = { grant_type: 'client_credentials', client_Id: 'testid', client_secret: 'testsecret', scope: 'iot.cardservice.all iot.paymentservice.all' };
const request = http.request(process.argv[2], {
  method: 'POST',
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'cache-control': 'no-cache' },
}, (response) => {
  const parts = [];
  response.on('data', (part) => parts.push(part));
  response.on('end', () => console.log(Buffer.concat(parts).toString()));
});
for (const [name, value] of Object.entries(fields)) {
  request.write(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
}
request.end(`--${boundary}--`);
