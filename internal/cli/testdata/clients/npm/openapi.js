'use strict';
// The two clients that sign with ACS3-HMAC-SHA256: node openapi.js HOST:PORT
const { report, account, card } = require('./calls');

const clients = {
  'openapi-client': require('@alicloud/openapi-client'),
  'openapi-core': require('@alicloud/openapi-core'),
};
const { RuntimeOptions } = require('@alicloud/tea-util');
const calls = {};
for (const [name, api] of Object.entries(clients)) {
  const { default: Client } = api;
  const { Config, Params, OpenApiRequest } = api.$OpenApiUtil || api;
  const client = new Client(new Config({ ...account, endpoint: process.argv[2], protocol: 'HTTP' }));
  const call = (action, request, method = 'POST') => async () => {
    const params = new Params({
      action, version: '2017-11-11', protocol: 'HTTP', pathname: '/', method, authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
    });
    return (await client.callApi(params, new OpenApiRequest(request), new RuntimeOptions({}))).body;
  };
  calls[`${name} query`] = call('QueryCardStatus', { query: { Iccid: card } });
  calls[`${name} GET`] = call('QueryCardStatus', { query: { Iccid: card } }, 'GET');
  calls[`${name} form`] = call('DoIotPostImei', { body: { Imei: '867194030000041', DeviceType: 'IOT', Comments: "it's (a) *test*~ 停+1 & more" } });
  calls[`${name} both`] = call('DoIotUserStopResume', { query: { Iccid: card }, body: { OptionType: 'MANAGE_RESUME' } });
  calls[`${name} no ICCID`] = call('QueryCardStatus', {});
}
report(calls);
