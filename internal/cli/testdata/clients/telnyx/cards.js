'use strict';
// telnyx 7.24.0 does what it can with SIM cards: node cards.js BASE_URL API_KEY ICCID. What each call gave is
// printed as JSON by its name.
const { default: Telnyx } = require('telnyx');

const [baseURL, apiKey, iccid] = process.argv.slice(2);
const client = new Telnyx({ apiKey, baseURL, maxRetries: 0 });
const stranger = new Telnyx({ apiKey: apiKey + 'x', baseURL, maxRetries: 0 });
const cards = client.simCards;
const results = {};

async function call(name, make) {
  try {
    results[name] = { answer: await make() };
  } catch (err) {
    const [first] = (err.error && err.error.errors) || [{}];
    results[name] = { code: String(err.status), message: `${first.code}: ${first.detail}` };
  }
}

// wire is an answer with its status.
async function wire(promise) {
  const { data, response } = await promise.withResponse();
  return { status: response.status, ...data };
}

(async () => {
  const all = [];
  await call('list', async () => {
    for await (const card of cards.list({ 'page[size]': 1 })) all.push(card);
    return all;
  });
  await call('find', () => cards.list({ filter: { iccid, status: ['enabled', 'disabled'] }, 'page[number]': 1, 'page[size]': 250 }).then((page) => ({ data: page.data, meta: page.meta })));
  const { id } = all.find((card) => card.iccid === iccid);
  await call('read', () => cards.retrieve(id));
  await call('bind', () => wire(cards.update(id, { authorized_imeis: ['861536030196001'], tags: ['a', 'b'] })));
  await call('by tag', () => cards.list({ filter: { tags: ['b'] } }).then((page) => page.data));
  await call('bind what is no IMEI', () => cards.update(id, { authorized_imeis: ['12'] }));
  await call('unbind', () => cards.update(id, { authorized_imeis: null }));
  await call('disable', () => wire(cards.actions.disable(id)));
  const action = results.disable.answer.data.id;
  await call('what became of it', () => cards.actions.retrieve(action));
  await call('disable again', () => cards.actions.disable(id));
  await call('enable', () => wire(cards.actions.enable(id)));
  await call('set standby', () => wire(cards.actions.setStandby(id)));
  await call('actions', async () => {
    const list = [];
    for await (const done of cards.actions.list({ filter: { sim_card_id: id, status: 'completed' }, 'page[size]': 2 })) list.push(done.action_type);
    return list;
  });
  await call('read in standby', () => cards.retrieve(id));
  await call('delete', () => wire(cards.delete(id, { report_lost: true })));
  await call('read what is gone', () => cards.retrieve(id));
  await call('another key', () => stranger.simCards.retrieve(id));
  console.log(JSON.stringify(results));
})();
