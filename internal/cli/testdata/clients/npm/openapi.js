'use strict';
// The two clients that sign with ACS3-HMAC-SHA256: node openapi.js DYIOTAPI LINKCARD, each HOST:PORT
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
  const open = (endpoint, version) => {
    const client = new Client(new Config({ ...account, endpoint, protocol: 'HTTP' }));
    return (action, request, method = 'POST') => async () => {
      const params = new Params({
        action, version, protocol: 'HTTP', pathname: '/', method, authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
      });
      return (await client.callApi(params, new OpenApiRequest(request), new RuntimeOptions({}))).body;
    };
  };
  const call = open(process.argv[2], '2017-11-11');
  calls[`${name} query`] = call('QueryCardStatus', { query: { Iccid: card } });
  calls[`${name} GET`] = call('QueryCardStatus', { query: { Iccid: card } }, 'GET');
  calls[`${name} form`] = call('DoIotPostImei', { body: { Imei: '867194030000041', DeviceType: 'IOT', Comments: "it's (a) *test*~ 停+1 & more" } });
  calls[`${name} both`] = call('DoIotUserStopResume', { query: { Iccid: card }, body: { OptionType: 'MANAGE_RESUME' } });
  calls[`${name} no ICCID`] = call('QueryCardStatus', {});

  const linkcard = open(process.argv[3], '2021-05-20');
  calls[`${name} list`] = linkcard('ListCardInfo', { query: { PageNo: '1', PageSize: '10', Vendor: 'CUCC', Status: '30' } });
  calls[`${name} stop`] = linkcard('StopSingleCard', { query: { Iccid: card, OptMsisdns: '["1064633113571"]' } });
  calls[`${name} rebind`] = linkcard('RebindResumeSingleCard', { query: { Iccid: card } });
  calls[`${name} resume`] = linkcard('ResumeSingleCard', { query: { Iccid: card } });
}
report(calls);
