'use strict';
// @alicloud/dyiotapi20171111 calls each of its actions: node dyiotapi.js HOST:PORT
const { report, account, card } = require('./calls');
const api = require('@alicloud/dyiotapi20171111');
// The client wants the configuration of the openapi-client that it brings itself.
const own = require.resolve('@alicloud/openapi-client', { paths: [require.resolve('@alicloud/dyiotapi20171111')] });
const { Config } = require(own);

const client = new api.default(new Config({ ...account, endpoint: process.argv[2], protocol: 'HTTP', regionId: 'cn-hangzhou' }));
const device = '867194030000017';
const spare = '867194030000025';

const call = (name, fields) => async () => {
  const Request = api[name[0].toUpperCase() + name.slice(1) + 'Request'];
  return (await client[name](new Request(fields))).body;
};

report({
  QueryCardStatus: call('queryCardStatus', { iccid: card }),
  QueryCardInfo: call('queryCardInfo', { iccid: card }),
  QueryCardsInfo: call('queryCardsInfo', { iccid: card }),
  QueryCardFlowInfo: call('queryCardFlowInfo', { iccid: card }),
  QueryCardHistoryFlowInfo: call('queryCardHistoryFlowInfo', { iccid: card, startTime: '202610', endTime: '202611' }),
  QueryIotCardOfferDtl: call('queryIotCardOfferDtl', { iccid: card }),
  QueryPersonalInfo: call('queryPersonalInfo', { iccid: card }),
  DoIotIsImeiExist: call('doIotIsImeiExist', { imei: spare }),
  DoIotPostImei: call('doIotPostImei', { imei: spare, deviceType: 'IOT', comments: 'a tracker (白色)' }),
  DoIotChgBindOrUnBind: call('doIotChgBindOrUnBind', { iccid: card, opionType: 'chgBind', imei: device, newImei: spare }),
  DoIotUserStopResume: call('doIotUserStopResume', { iccid: card, optionType: 'MANAGE_STOP' }),
  DoIotUnbindResume: call('doIotUnbindResume', { iccid: card }),
  DoIotRecharge: call('doIotRecharge', { iccid: card, offerIds: '10002', effCode: '1000', outId: 'o 1*~', amount: 0 }),
  DoIotSetRemindConfig: call('doIotSetRemindConfig', { bizId: card, bizType: 'flow', configInfo: '{"at":80}', operationType: 'add' }),
  DoIotSetAbsoluteRemindConfig: call('doIotSetAbsoluteRemindConfig', { bizId: card, bizType: 'flow', configInfo: '{"at":80}' }),
  DoSendIotSms: call('doSendIotSms', { phoneNumbers: '1064633113571', signName: 'x', templateCode: 'SMS_1', templateParam: '{}' }),
  'no ICCID': call('queryCardStatus', {}),
  'nobody\'s card': call('queryCardStatus', { iccid: '89860617030017300391' }),
});
