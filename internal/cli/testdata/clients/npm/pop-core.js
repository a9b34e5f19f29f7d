'use strict';
// @alicloud/pop-core by GET and by POST: node pop-core.js URL
const { report, account, card } = require('./calls');
const { RPCClient } = require('@alicloud/pop-core');

const client = new RPCClient({ ...account, endpoint: process.argv[2], apiVersion: '2017-11-11' });
const calls = {};
for (const method of ['GET', 'POST']) {
  const call = (action, params) => () => client.request(action, params, { method });
  calls[`${method} QueryCardStatus`] = call('QueryCardStatus', { Iccid: card });
  calls[`${method} DoIotPostImei`] = call('DoIotPostImei', { Imei: '867194030000033', DeviceType: 'IOT', Comments: "it's (a) *test*~ 停+1 & more" });
  calls[`${method} no ICCID`] = call('QueryCardStatus', {});
  calls[`${method} nobody's card`] = call('QueryCardStatus', { Iccid: '89860617030017300391' });
}
report(calls);
