'use strict';
// What the clients here share: the calls run one after the other, and what each
// gave is printed as JSON by its name.

async function report(calls) {
  const results = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      results[name] = { answer: await call() };
    } catch (err) {
      const data = err.data || {};
      results[name] = { code: String(err.code), message: String(data.Message || err.message), hostId: String(data.HostId || '') };
    }
  }
  console.log(JSON.stringify(results));
}

const account = { accessKeyId: 'testid', accessKeySecret: 'testsecret' };
const card = '89860617030017300390';

module.exports = { report, account, card };
