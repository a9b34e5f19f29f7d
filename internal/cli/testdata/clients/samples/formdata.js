'use strict';
// Shingsou's token by FormData, as pages send it: node formdata.js URL
const form = new FormData();
form.append('grant_type', 'client_credentials');
form.append('client_Id', 'testid');
form.append('client_secret', 'testsecret');
form.append('scope', 'iot.cardservice.all iot.paymentservice.all');
fetch(process.argv[2], { method: 'POST', headers: { 'cache-control': 'no-cache' }, body: form })
  .then((response) => response.text())
  .then((text) => console.log(text));
