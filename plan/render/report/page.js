'use strict';
// The page's script: the table of every action, its filters, and a card's
// before and after. The data stands in the page as blocks of JSON (see
// htmldata.go). Whatever comes from it goes into the page as text, never as
// markup.
(() => {
  const byID = (id) => document.getElementById(id);
  const section = byID('table');
  const dialog = byID('card');
  if (!section) return; // a plan without a row
  const fleet = section.dataset.page === 'fleet'; // its rows are cards, as they are
  const run = section.dataset.page === 'run'; // a shape has the outcome where a plan has why an approval is missing
  const phrases = JSON.parse(document.querySelector('main').dataset.phrases); // by kind

  // ---- texts -------------------------------------------------------------

  // say is what of the page's own a reader reads: a text, with {1} for the first argument.
  const words = JSON.parse(document.querySelector('main').dataset.words || '{}');
  const say = (s, ...args) => (words[s] ?? s).replace(/\{(\d)\}/g, (_, i) => args[i - 1]);

  // oddText is a character that a reader doesn't see; html.go has the same.
  const oddText = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

  // node makes an element. Children are elements or texts.
  function node(tag, name, ...children) {
    const e = document.createElement(tag);
    if (name) e.className = name;
    e.append(...children.filter((c) => c !== null && c !== undefined && c !== ''));
    return e;
  }

  // text isolates a text from the direction of what stands around it, and shows
  // what can't be seen by its name.
  function text(value) {
    const s = zoned(String(value));
    const e = node('bdi');
    let from = 0;
    for (const m of s.matchAll(oddText)) {
      if (m.index > from) e.append(s.slice(from, m.index));
      const mark = node('span', 'odd', 'U+' + m[0].codePointAt(0).toString(16).toUpperCase().padStart(4, '0'));
      mark.title = say('a character that can’t be seen');
      e.append(mark);
      from = m.index + m[0].length;
    }
    if (from < s.length) e.append(s.slice(from));
    return e;
  }

  // zoned has each time of a text in the fleet's zone too; Both of times.go has the same.
  const zone = document.querySelector('main').dataset.zone;
  const clock = zone && new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  function zoned(s) {
    if (!zone || !/UTC|Z/.test(s)) return s;
    return s.replace(/(?<!\d)(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(:\d\d)? UTC|T(\d\d:\d\d)(:\d\d)Z)(?! \(\d{4}-)/g, (utc, day, minute, second, minuteT, secondT) => {
      const at = new Date(`${day}T${minute || minuteT}${second || secondT || ''}Z`);
      return isNaN(at) ? utc : `${utc} (${clock.format(at).slice(0, second || secondT ? 19 : 16)} ${zone})`;
    });
  }

  const id = (value) => node('span', 'id', text(value));
  const number = (n) => n.toLocaleString('en-US');
  const rows_ = (n) => say(n === 1 ? '{1} row' : '{1} rows', number(n));

  // marked shows to with the digits that differ from those at the same place of from.
  function marked(from, to) {
    const e = node('span', 'id');
    if (!from || oddText.test(to)) {
      oddText.lastIndex = 0;
      e.append(text(to));
      return e;
    }
    let run = '';
    let changed = false;
    const flush = () => {
      if (run) e.append(changed ? node('mark', '', run) : run);
      run = '';
    };
    for (let i = 0; i < to.length; i++) {
      if ((to[i] !== from[i]) !== changed) {
        flush();
        changed = !changed;
      }
      run += to[i];
    }
    flush();
    return e;
  }

  // ---- the data ----------------------------------------------------------

  const total = Number(section.dataset.rows);
  const cardsListed = Number(section.dataset.cards);
  const ATTENTION = 255, DRIFT = 254, NOTES = 253; // in place of an action's number

  // interned gives what is the same in several blocks one number.
  class Interned {
    constructor() { this.list = []; this.index = new Map(); }
    of(value) {
      const key = JSON.stringify(value);
      let i = this.index.get(key);
      if (i === undefined) {
        i = this.list.push(value) - 1;
        this.index.set(key, i);
      }
      return i;
    }
  }
  const providers = new Interned(), labelsets = new Interned(), values = new Interned(), shapes = new Interned();
  const shapeOf = (kind) => shapes.of([kind, '', false, false, '', '', '', []]);

  // stateShape is the shape of a card as it is, in the words of overview.go.
  const conditions = {
    active: ['in service', 'serving'], testing: ['in service', 'serving'], 'suspended-by-owner': ['stopped by us', 'stopped'],
    'suspended-by-carrier': ['stopped by the carrier', 'barred'], pending: ['not in service yet', 'waiting'], inventory: ['not in service yet', 'waiting'],
    dormant: ['not in service yet', 'waiting'], closing: ['closed, transferred or not found', 'gone'], closed: ['closed, transferred or not found', 'gone'],
    transferred: ['closed, transferred or not found', 'gone'], 'not-found': ['closed, transferred or not found', 'gone'],
  };
  function stateShape(lifecycle, attention) {
    const [name, style] = conditions[lifecycle] || ['not known', 'unknown'];
    const needs = attention.some((a) => a[0] === 'in doubt') ? 'in doubt' : attention.length && style === 'gone' ? 'needs attention besides' : '';
    return shapes.of([name, style, false, false, needs, '', '', []]);
  }

  const blocks = []; // of cards; the privacy numbers are the last
  let rowCount = 0, cardCount = 0;
  const rowCard = new Int32Array(total), rowSlot = new Uint8Array(total), rowShape = new Int32Array(total);
  const all = cardsListed + total; // privacy numbers have a row each
  const cardProvider = new Int32Array(all), cardLabels = new Int32Array(all), cardBlock = new Int32Array(all), cardValues = new Int32Array(all);

  const at = (column, i) => (column.length === 1 ? column[0] : column[i]);
  const many = (entry) => (Array.isArray(entry) ? entry : [entry]);

  function addRow(card, slot, shape) {
    rowCard[rowCount] = card;
    rowSlot[rowCount] = slot;
    rowShape[rowCount++] = shape;
  }

  class Cards {
    constructor(data) {
      Object.assign(this, data);
      this.base = cardCount;
      this.rows = rowCount;
      let line = 0;
      this.lines = Int32Array.from({ length: this.n }, (_, i) => (line += at(this.line, i)));
      const translate = (list, into) => list.map((v) => into.of(v));
      const provider = translate(this.providers, providers), labels = translate(this.labelsets, labelsets);
      const value = translate(this.values, values), shape = translate(this.shapes, shapes);
      for (let i = 0; i < this.n; i++) {
        const card = cardCount++;
        cardBlock[card] = blocks.length;
        cardProvider[card] = provider[at(this.provider, i)];
        cardLabels[card] = labels[at(this.labels, i)];
        cardValues[card] = value[at(this.before, i)];
        if (fleet) {
          addRow(card, NOTES, stateShape(this.values[at(this.before, i)][3], this.attention[i] || []));
          continue;
        }
        const first = rowCount;
        const actions = at(this.actions, i);
        if (actions !== -1) many(actions).forEach((s, k) => addRow(card, Math.min(k, 252), shape[s]));
        if (this.attention[i]) addRow(card, ATTENTION, shapeOf('attention'));
        if (this.drift[i]) addRow(card, DRIFT, shapeOf('drift'));
        if (rowCount === first) addRow(card, NOTES, shapeOf('note'));
      }
      this.rowsEnd = rowCount;
    }

    address(i) {
      const a = at(this.address_, i);
      return typeof a === 'string' ? a : this.names[a][0] + at(this.iccid, i) + this.names[a][1];
    }

    // where is the card's table and row, or its file and line.
    where(i) {
      const file = this.files[at(this.file, i)];
      return file === '' ? null : { file, base: file.slice(file.lastIndexOf('/') + 1), line: this.lines[i] };
    }

    card(i) {
      const before = values_(this.values[at(this.before, i)], at(this.imei, i));
      const after = at(this.imeiAfter, i);
      const c = {
        address: this.address(i), iccid: at(this.iccid, i), provider: this.providers[at(this.provider, i)],
        labels: pairs(this.labelsets[at(this.labels, i)]), where: this.where(i), before,
        after: values_(this.values[at(this.after, i)], after === 1 ? at(this.imei, i) : after),
        attention: this.attention[i] || [], drift: this.drift[i] || [], notes: this.notes[i] || [], actions: [],
      };
      const actions = at(this.actions, i);
      if (actions === -1) return c;
      const ids = many(at(this.ids, i)), needs = this.needs[i] || [];
      const filled = (v) => (v === 1 ? c.before.imei : v === 2 ? c.after.imei : v);
      many(actions).forEach((s, k) => {
        const [kind, risk, guarded, approved, denial, from, to, by] = this.shapes[s];
        const name = typeof ids[k] === 'number' ? 'a' + ids[k] : ids[k];
        c.actions.push({ id: name, kind, risk, guarded, approved, denial, from: filled(from), to: filled(to), approvals: pairs(by), needs: needs[k] || [] });
      });
      return c;
    }

    // own is what of the card's can be searched for and isn't in a dictionary.
    own(i) {
      const address = this.address(i), iccid = at(this.iccid, i), imei = at(this.imei, i), after = at(this.imeiAfter, i);
      let s = address.includes(iccid) ? address : address + ' ' + iccid;
      const where = this.where(i);
      if (where) s += ` ${where.file}:${where.line}`;
      if (typeof imei === 'string') s += ' ' + imei;
      if (typeof after === 'string') s += ' ' + after;
      if (this.attention[i]) s += ' ' + this.attention[i].join(' ');
      if (this.drift[i]) s += ' ' + this.drift[i].map((d) => `${d.attribute} ${d.before} ${d.after} ${d.cause}`).join(' ');
      if (this.notes[i]) s += ' ' + this.notes[i].join(' ');
      return s;
    }
  }

  class Numbers {
    constructor(list) {
      this.list = list;
      this.n = list.length;
      this.base = cardCount;
      this.rows = rowCount;
      for (const n of list) {
        const card = cardCount++;
        cardBlock[card] = blocks.length;
        cardProvider[card] = providers.of(n.provider);
        cardLabels[card] = labelsets.of([]);
        cardValues[card] = values.of([null, null, '', '']);
        addRow(card, ATTENTION, shapeOf('attention'));
      }
      this.rowsEnd = rowCount;
    }

    card(i) {
      const n = this.list[i];
      return { address: n.address, iccid: '', provider: n.provider, labels: [], where: null, before: {}, after: {}, attention: n.attention.map((a) => [a.summary, a.detail]), drift: [], notes: [], actions: [], number: n };
    }

    own(i) {
      const n = this.list[i];
      return [n.address, n.pool_key, n.subs_id, n.expected, n.number, ...n.attention.flatMap((a) => [a.summary, a.detail])].join(' ');
    }
  }

  const values_ = ([active, packages, status, lifecycle], imei) => ({ imei: imei === 0 ? undefined : imei, active, packages, status, lifecycle });

  function pairs(flat) {
    const out = [];
    for (let i = 0; i < flat.length; i += 2) out.push([flat[i], flat[i + 1]]);
    return out;
  }

  function cardOf(card) {
    const block = blocks[cardBlock[card]];
    return block.card(card - block.base);
  }

  const pause = () => new Promise((done) => setTimeout(done));

  async function read() {
    let began = performance.now();
    for (const e of document.querySelectorAll('script.cards')) {
      const { address, ...data } = JSON.parse(e.textContent);
      blocks.push(new Cards({ ...data, address_: address }));
      e.remove();
      if (performance.now() - began > 30) {
        status.textContent = say('Reading the cards …') + ` ${Math.round((100 * rowCount) / total)}%`;
        await pause();
        began = performance.now();
      }
    }
    const numbers = byID('numbers');
    if (numbers) blocks.push(new Numbers(JSON.parse(numbers.textContent)));
  }

  // ---- filters -----------------------------------------------------------

  const status = byID('status');
  const absent = document.createElement('select'); // stands in for a filter that the page hasn't
  const controls = Object.fromEntries(['search', 'kind', 'provider', 'label', 'risk', 'approval'].map((name) => [name, byID(name) || absent]));
  const approvalOf = (shape) => (fleet || run ? shape[4] : !shape[2] ? (shape[1] ? 'needs none' : '') : shape[3] ? 'approved' : 'not approved');
  const labelsMost = 500; // that the list of labels offers; the search finds all

  function option(select, value, label, n) {
    const o = node('option', '', `${visible(label)} (${number(n)})`);
    o.value = value;
    select.append(o);
  }

  // visible is a text for where no element can stand.
  const visible = (s) => s.replace(oddText, (c) => '\u27e8U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0') + '\u27e9');

  function fillFilters() {
    const byShape = new Int32Array(shapes.list.length), byProvider = new Int32Array(providers.list.length), bySet = new Int32Array(labelsets.list.length);
    for (let r = 0; r < rowCount; r++) {
      byShape[rowShape[r]]++;
      byProvider[cardProvider[rowCard[r]]]++;
      bySet[cardLabels[rowCard[r]]]++;
    }
    const count = (f) => {
      const counts = new Map();
      shapes.list.forEach((s, i) => f(s) && counts.set(f(s), (counts.get(f(s)) || 0) + byShape[i]));
      return counts;
    };
    const fill = (select, counts) => [...counts].forEach(([v, n]) => n && option(select, v, say(v), n));
    fill(controls.kind, count((s) => s[0]));
    const byRisk = count((s) => s[1]);
    for (const risk of ['irreversible', 'disruptive', 'reversible']) if (byRisk.get(risk)) option(controls.risk, risk, say(risk), byRisk.get(risk));
    fill(controls.approval, count(approvalOf));
    providers.list.map((p, i) => [p, i]).sort((a, b) => (a[0] < b[0] ? -1 : 1)).forEach(([p, i]) => option(controls.provider, i, p, byProvider[i]));
    fillLabels(bySet);
  }

  function fillLabels(bySet) {
    const counts = new Map(), keys = new Map();
    labelsets.list.forEach((set, i) => pairs(set).forEach(([k, v]) => {
      keys.set(k, (keys.get(k) || 0) + bySet[i]);
      const key = JSON.stringify([k, v]);
      counts.set(key, (counts.get(key) || 0) + bySet[i]);
    }));
    labelKeys.push(...[...keys].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([key]) => key));
    let found = [...counts];
    const more = found.length - labelsMost;
    if (more > 0) found = found.sort((a, b) => b[1] - a[1]).slice(0, labelsMost);
    found.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const groups = new Map();
    for (const [key, n] of found) {
      const [k, v] = JSON.parse(key);
      if (!groups.has(k)) {
        const g = node('optgroup');
        g.label = visible(k);
        groups.set(k, g);
        controls.label.append(g);
      }
      option(groups.get(k), key, `${k}=${v}`, n);
    }
    if (more > 0) {
      const g = node('optgroup');
      g.label = say('{1} rarer labels: search for them', number(more));
      controls.label.append(g);
    }
    controls.label.disabled = found.length === 0;
  }

  // hay is a block's own texts, a line for each card, and where each begins.
  function hay(block) {
    if (!block.hay) {
      const lines = [];
      block.starts = new Uint32Array(block.n + 1);
      let length = 0;
      for (let i = 0; i < block.n; i++) {
        const line = block.own(i).toLowerCase().replaceAll('\n', ' ') + '\n';
        lines.push(line);
        length += line.length;
        block.starts[i + 1] = length;
      }
      block.hay = lines.join('');
    }
    return block.hay;
  }

  // find sets the bit of each card of the block whose own texts have the term.
  function find(block, term, bit, hits) {
    const all = hay(block);
    let i = 0;
    for (let pos = all.indexOf(term); pos >= 0; pos = all.indexOf(term, block.starts[i])) {
      let low = i, high = block.n - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (block.starts[middle] <= pos) low = middle; else high = middle - 1;
      }
      hits[low] |= bit;
      i = low + 1;
      if (i >= block.n) return;
    }
  }

  // wanted is what the filters ask for, as tables by number.
  function wanted() {
    const terms = controls.search.value.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
    const { kind, risk, approval, provider, label } = controls;
    const bits = (list, words) => list.map((v) => {
      const s = words(v).toLowerCase();
      return terms.reduce((b, t, i) => (s.includes(t) ? b | (1 << i) : b), 0);
    });
    const labelPair = label.value && JSON.parse(label.value);
    return {
      terms,
      everything: (1 << terms.length) - 1,
      shape: shapes.list.map((s) => (!kind.value || s[0] === kind.value) && (!risk.value || s[1] === risk.value) && (!approval.value || approvalOf(s) === approval.value)),
      provider: providers.list.map((_, i) => provider.value === '' || Number(provider.value) === i),
      labels: labelsets.list.map((set) => !labelPair || pairs(set).some(([k, v]) => k === labelPair[0] && v === labelPair[1])),
      shapeBits: bits(shapes.list, (s) => [s[0], s[4], s[5], s[6], ...s[7]].filter((v) => typeof v === 'string').join(' ')),
      providerBits: bits(providers.list, (p) => p),
      labelBits: bits(labelsets.list, (set) => pairs(set).map(([k, v]) => `${k}=${v}`).join(' ')),
      valueBits: bits(values.list, ([, packages, status, lifecycle]) => [...(packages || []), status, lifecycle].join(' ')),
    };
  }

  let shown = new Int32Array(0); // the rows that the filters leave
  let job = 0;

  // filter finds the rows, in slices, so that the page never stands still.
  async function filter() {
    const mine = ++job;
    const want = wanted();
    const found = new Int32Array(rowCount), final = shapes.list.map((s) => s[1] === 'irreversible');
    const first = []; // what can't be undone, which comes first
    let n = 0, began = performance.now();
    for (const block of blocks) {
      const hits = new Uint8Array(block.n);
      want.terms.forEach((t, i) => find(block, t, 1 << i, hits));
      for (let r = block.rows; r < block.rowsEnd; r++) {
        const c = rowCard[r], s = rowShape[r], p = cardProvider[c], l = cardLabels[c];
        if (!want.shape[s] || !want.provider[p] || !want.labels[l]) continue;
        const bits = hits[c - block.base] | want.shapeBits[s] | want.providerBits[p] | want.labelBits[l] | want.valueBits[cardValues[c]];
        if ((bits & want.everything) !== want.everything) continue;
        if (final[s]) first.push(r); else found[n++] = r;
      }
      if (performance.now() - began > 40) {
        grid.setAttribute('aria-busy', 'true');
        await pause();
        if (mine !== job) return;
        began = performance.now();
      }
    }
    found.copyWithin(first.length, 0, n);
    found.set(first);
    n += first.length;
    shown = found.subarray(0, n);
    grid.removeAttribute('aria-busy');
    grid.setAttribute('aria-rowcount', n + 1);
    status.textContent = n === rowCount ? rows_(n) : say('{1} of {2}', number(n), rows_(rowCount));
    current = -1;
    grid.removeAttribute('aria-activedescendant');
    grid.scrollTop = 0;
    draw(true);
  }

  // ---- the table ---------------------------------------------------------

  const grid = byID('rows'), space = grid.querySelector('.space'), head = grid.querySelector('.head');
  const tallest = 6e6; // px; browsers lose their place beyond some more
  let current = -1; // the row that the keyboard is at
  let pool = [];
  let rowHeight = 40;

  const full = () => shown.length * rowHeight;
  const visibleHeight = () => Math.max(rowHeight, grid.clientHeight - head.offsetHeight);
  // ratio is how many px of the rows one px of the scroll bar stands for.
  function ratio() {
    return full() <= tallest ? 1 : (full() - visibleHeight()) / (tallest - visibleHeight());
  }

  function draw(anew) {
    space.style.height = Math.min(full(), tallest) + 'px'; // which may change what is visible
    const by = ratio();
    const top = grid.scrollTop * by;
    const first = Math.max(0, Math.floor(top / rowHeight) - 3);
    const last = Math.min(shown.length, Math.ceil((top + visibleHeight()) / rowHeight) + 3);
    const size = Math.ceil(visibleHeight() / rowHeight) + 8;
    while (pool.length < size) {
      const row = node('div', 'row');
      row.setAttribute('role', 'row');
      row.id = 'row' + pool.length;
      pool.push({ row, k: -1 });
      space.append(row);
    }
    for (const p of pool) {
      if (anew || p.k < first || p.k >= last) {
        p.k = -1;
        p.row.hidden = true;
      }
    }
    for (let k = first; k < last; k++) {
      const p = pool[k % pool.length];
      if (p.k !== k) fillRow(p, k);
      p.row.style.transform = `translateY(${by === 1 ? k * rowHeight : grid.scrollTop + k * rowHeight - top}px)`;
      const is = k === current;
      p.row.classList.toggle('current', is);
      p.row.setAttribute('aria-selected', is);
      if (is) grid.setAttribute('aria-activedescendant', p.row.id);
    }
  }

  function fillRow(p, k) {
    p.k = k;
    p.row.hidden = false;
    p.row.setAttribute('aria-rowindex', k + 2);
    p.row.replaceChildren(...cells(shown[k]).map((c) => {
      c.setAttribute('role', 'gridcell');
      return c;
    }));
  }

  // columns are those of the table, each with what it says of a row: first the
  // card, then what becomes of it, then where it belongs. The labels' are made
  // as there is room, see layOut.
  const labelKeys = []; // the keys of labels, those of most cards first
  let labelColumns = 0; // how many of them have a column
  const columns = () => (fleet ? [
    [say('Status'), 'kind', (c, a, [name, style, , , needs]) => [node('span', 'tag ' + style, say(name)), needs ? node('span', 'needs', say(needs)) : '']],
    [say('ICCID'), 'where', (c) => [id(c.iccid), node('span', 'name', text(named(c)))]],
    [say('Device'), 'before', (c) => [device(c.before.imei)]],
    [say('Packages'), 'packages', (c) => [c.before.packages ? text(packages(c.before)) : '']],
    ...labelled(),
    [say('Carrier'), 'provider', (c) => [text(c.provider)]],
  ] : [
    [say('Action'), 'kind', (c, a, [kind, risk]) => [node('span', 'tag ' + (risk || kind), say(kind)), a ? badge(a) : '']],
    [say('ICCID'), 'where', (c) => (c.iccid ? [id(c.iccid), node('span', 'name', text(named(c)))] : [node('span', 'name', text(c.address))])],
    [say('Device before'), 'before', (c) => [device(c.before.imei)]],
    [say('Device after'), 'after', (c, a, _, slot) => [deviceAfter(c.before.imei, slot === ATTENTION || slot === DRIFT ? c.before.imei : c.after.imei)]],
    [say('Change'), 'change', (c, a, _, slot) => (a ? change(a, 1) : [outline(c, slot)])],
    ...labelled(),
    [say('Row'), 'row-of', (c) => (c.where ? [node('span', 'file', text(c.where.base)), node('span', 'line', ':' + c.where.line)] : [])],
    [say('Carrier'), 'provider', (c) => [text(c.provider)]],
  ]);
  const labelled = () => labelKeys.slice(0, labelColumns).map((key) => [visible(key), 'label-of', (c) => c.labels.filter(([k]) => k === key).map(([, v]) => text(v))]);
  let shownColumns = columns();

  function cells(r) {
    const c = cardOf(rowCard[r]);
    const slot = rowSlot[r];
    return shownColumns.map(([, name, of]) => {
      const cell = node('span', name, ...of(c, c.actions[slot], shapes.list[rowShape[r]], slot));
      if (name === 'where') cell.title = visible(c.address);
      if (name === 'row-of' && c.where) cell.title = visible(`${c.where.file}:${c.where.line}`);
      return cell;
    });
  }

  // named is what a card's address says besides its ICCID.
  const named = (c) => c.address.replace(`["${c.iccid}"]`, '');

  // device is a device's number; undefined is one that nobody knows, null is none.
  function device(imei, name) {
    if (imei === undefined) return node('span', 'quiet', '—');
    return imei === null ? say('none') : node('span', 'id ' + (name || ''), text(imei));
  }

  // deviceAfter is a device with the digits that differ from the one before. Rows of
  // what needs attention or changed outside have the device as it is.
  function deviceAfter(before, after) {
    if (after === before) return device(after, 'same');
    return after && before ? marked(before, after) : device(after);
  }

  // layOut gives as many labels a column as there is room for.
  function layOut() {
    const narrowest = 92, others = fleet ? 800 : 990; // px, with the room between them
    labelColumns = Math.max(Math.min(labelKeys.length, 1), Math.min(labelKeys.length, 6, Math.floor((grid.clientWidth - others) / narrowest)));
    shownColumns = columns();
    grid.style.setProperty('--labels', Array(labelColumns).fill(`minmax(${narrowest - 12}px, 1fr)`).join(' '));
    grid.setAttribute('aria-colcount', shownColumns.length);
    head.replaceChildren(...shownColumns.map(([title, name]) => {
      const cell = node('span', name, title);
      cell.setAttribute('role', 'columnheader');
      return cell;
    }));
  }

  function outline(c, slot) {
    if (slot === ATTENTION) return text(c.attention.map((a) => say(a[0])).join('; '));
    if (slot === DRIFT) return text(c.drift.map((d) => `${d.attribute}: ${d.before} → ${d.after}`).join('; '));
    return text(c.notes.join('; '));
  }

  // change tells an action in the words of its kind: {from} and {to} are its
  // values, and what is in brackets is left out where it has none. form is 0 for a
  // card, 1 for a row of the table.
  function change(a, form) {
    const words = ((phrases[a.kind] || [])[form] || '').replace(/\[(.*)\]$/, a.from || a.to ? '$1' : '');
    return words.split(/(\{from\}|\{to\})/).filter(Boolean).map((part) => {
      if (part === '{from}') return a.from ? id(a.from) : say('no device');
      return part !== '{to}' ? part : a.from ? marked(a.from, a.to || '?') : id(a.to || '?');
    });
  }

  function badge(a) {
    if (run) return node('span', a.denial === 'done' ? 'badge good' : 'badge bad', say(a.denial));
    if (!a.guarded) return '';
    return a.approved ? node('span', 'badge good', say('approved')) : node('span', 'badge bad', say('not approved'));
  }

  // moveTo puts the keyboard's place on row k, and shows it.
  function moveTo(k) {
    if (!shown.length) return;
    current = Math.max(0, Math.min(shown.length - 1, k));
    const by = ratio(), top = grid.scrollTop * by, y = current * rowHeight;
    if (y < top) grid.scrollTop = y / by;
    else if (y + rowHeight > top + visibleHeight()) grid.scrollTop = Math.ceil((y + rowHeight - visibleHeight()) / by);
    draw();
  }

  // ---- a card ------------------------------------------------------------

  const yesNo = (v) => (v === null || v === undefined ? null : String(v));
  let openAt = -1; // the row of the table that is open, if it is one of it

  function open(card, k) {
    openAt = k;
    const c = cardOf(card);
    byID('card-title').replaceChildren(text(c.address));
    byID('card-body').replaceChildren(...parts(c));
    byID('place').textContent = k < 0 ? '' : say('{1} of {2}', number(k + 1), rows_(shown.length));
    for (const [name, can] of [['previous', k > 0], ['next', k < shown.length - 1]]) {
      byID(name).hidden = k < 0;
      byID(name).setAttribute('aria-disabled', !can); // a button that is disabled would lose the keyboard
    }
    if (!dialog.open) dialog.showModal();
    dialog.querySelector('.box').scrollTop = 0;
  }

  function openRow(k) {
    if (k < 0 || k >= shown.length) return;
    moveTo(k);
    open(rowCard[shown[k]], k);
  }

  function parts(c) {
    const facts = node('p', 'facts', c.iccid ? id(c.iccid) : '', node('span', '', text(c.provider)));
    for (const [k, v] of c.labels) facts.append(node('span', 'label', text(k), '=', text(v)));
    if (c.where) facts.append(node('span', '', text(c.where.file), ':' + c.where.line));
    const out = [facts];
    if (c.number) out.push(numberFacts(c.number));
    if (c.actions.length) out.push(node('h3', '', say('Actions')), node('ol', 'actions', ...c.actions.map(actionItem)));
    if (!c.number) out.push(beforeAfter(c));
    if (c.attention.length) {
      out.push(node('h3', '', say('Attention')));
      for (const [summary, detail] of c.attention) out.push(node('div', 'call bad', node('p', '', node('strong', '', text(say(summary)))), node('p', 'detail', text(detail))));
    }
    if (c.drift.length) out.push(node('h3', '', say('Changed outside')), ...c.drift.map(driftItem));
    if (c.notes.length) out.push(node('h3', '', say('Notes')), node('ul', '', ...c.notes.map((n) => node('li', '', text(n)))));
    return out;
  }

  function actionItem(a) {
    const li = node('li', '', node('span', 'tag ' + a.risk, say(a.kind)), ' ', ...change(a, 0), ' ', badge(a));
    const more = node('p', 'quiet', text(a.id), ` · ${say(a.risk)}`);
    if (!run && a.guarded && !a.approved && a.denial) more.append(' · ', text(a.denial));
    for (const [by, reason] of a.approvals) more.append(' · ' + say('approved by') + ' ', text(by), ...(reason ? [': ', text(reason)] : []));
    if (a.needs.length) {
      more.append(' · ' + say('waits for') + ' ');
      a.needs.forEach((need, i) => {
        const b = node('button', 'card-link', text(need));
        b.type = 'button';
        b.addEventListener('click', () => openAction(need));
        more.append(i ? ', ' : '', b);
      });
    }
    li.append(more);
    return li;
  }

  function openAction(name) {
    for (let card = 0; card < cardCount; card++) {
      const block = blocks[cardBlock[card]];
      if (!block.ids) continue;
      const ids = many(at(block.ids, card - block.base));
      if (ids.some((i) => (typeof i === 'number' ? 'a' + i : i) === name) && at(block.actions, card - block.base) !== -1) {
        open(card, -1);
        return;
      }
    }
  }

  function beforeAfter(c) {
    const lines = [
      ['imei', c.before.imei, c.after.imei],
      ['active', yesNo(c.before.active), yesNo(c.after.active)],
      ['packages', packages(c.before), packages(c.after)],
      ['carrier says', c.before.status, c.after.status],
      ['lifecycle', c.before.lifecycle, c.after.lifecycle],
    ];
    const body = node('tbody');
    for (const [name, before, after] of lines) {
      const known = after !== undefined && after !== '' && !(after === null && name !== 'imei');
      const differs = known && before !== after;
      if (fleet) {
        const th = node('th', '', say(name));
        th.scope = 'row';
        body.append(node('tr', '', th, node('td', '', value(name, before))));
        continue;
      }
      const th = node('th', '', say(name));
      th.scope = 'row';
      body.append(node('tr', differs ? 'differs' : '', th, node('td', '', value(name, before)),
        node('td', '', differs && name === 'imei' && before && after ? marked(before, after) : value(name, after))));
    }
    if (fleet) return node('table', 'sides', node('caption', '', say('As it is')), body);
    const head = node('tr', '', node('th'), node('th', '', say('Before')), node('th', '', say('After')));
    for (const th of head.children) th.scope = 'col';
    return node('table', 'sides', node('caption', '', say('Before and after')), node('thead', '', head), body);
  }

  const packages = (v) => (v.packages === null ? null : v.packages.length ? v.packages.join(', ') : say('none'));

  function value(name, v) {
    if (name === 'imei' && v === null) return node('span', '', say('none'));
    if (v === undefined || v === null || v === '') return node('span', 'quiet', '—');
    return name === 'imei' ? id(v) : text(v);
  }

  function driftItem(d) {
    const e = node('div', 'call', node('p', '', text(d.attribute), ': ', text(d.before), ' → ', text(d.after)),
      node('p', 'quiet', say('since the reading of') + ' ', text(d.since.replace('T', ' ').replace(/:\d\d(\.\d+)?Z$/, ' UTC')), '; ', text(d.cause)));
    if (d.keep) e.append(node('p', 'quiet', say('to keep it, in') + ' ', text(d.where || ''), ': ', node('code', '', text(d.keep))));
    return e;
  }

  function numberFacts(n) {
    const dl = node('dl');
    for (const [name, v] of [['pool_key', n.pool_key], ['subs_id', n.subs_id], ['expected', n.expected], ['number', n.number], ['status', n.status]]) {
      dl.append(node('dt', '', say(name)), node('dd', '', v === undefined || v === '' ? node('span', 'quiet', '—') : id(v)));
    }
    return dl;
  }

  // ---- what people do ----------------------------------------------------

  function later(f) {
    let asked = 0;
    return () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(f);
    };
  }

  function setFilter(name, v) {
    controls[name].value = v;
    filter();
    section.scrollIntoView();
    grid.focus({ preventScroll: true });
  }

  function listen() {
    controls.search.addEventListener('input', filter);
    for (const name of ['kind', 'provider', 'label', 'risk', 'approval']) controls[name].addEventListener('change', filter);
    const form = section.querySelector('form');
    form.addEventListener('submit', (e) => e.preventDefault());
    form.addEventListener('reset', () => setTimeout(filter)); // once the fields are empty
    grid.addEventListener('scroll', () => draw(), { passive: true });
    window.addEventListener('resize', later(measure));
    space.addEventListener('click', (e) => {
      const row = e.target.closest('.row');
      const p = pool.find((p) => p.row === row);
      if (p && !String(window.getSelection())) openRow(p.k);
    });
    grid.addEventListener('keydown', gridKey);
    grid.addEventListener('focus', () => current < 0 && grid.matches(':focus-visible') && moveTo(Math.floor((grid.scrollTop * ratio()) / rowHeight)));
    document.addEventListener('keydown', (e) => {
      if (e.key === '/' && !dialog.open && !/^(INPUT|SELECT)$/.test(e.target.tagName)) {
        e.preventDefault();
        controls.search.focus();
      }
    });
    controls.search.addEventListener('keydown', (e) => {
      if (e.key === 'ArrowDown' || e.key === 'Enter') {
        e.preventDefault();
        grid.focus();
        moveTo(0);
      }
    });
    dialog.addEventListener('keydown', (e) => {
      if (e.key === 'ArrowLeft' && openAt >= 0) openRow(openAt - 1);
      if (e.key === 'ArrowRight' && openAt >= 0) openRow(openAt + 1);
    });
    dialog.addEventListener('click', (e) => e.target === dialog && dialog.close());
    byID('close').addEventListener('click', () => dialog.close());
    byID('previous').addEventListener('click', () => openRow(openAt - 1));
    byID('next').addEventListener('click', () => openRow(openAt + 1));
    document.querySelectorAll('[data-card]').forEach((b) => b.addEventListener('click', () => open(Number(b.dataset.card), -1)));
    document.querySelectorAll('[data-number]').forEach((b) => b.addEventListener('click', () => open(cardsListed + Number(b.dataset.number), -1)));
    document.querySelectorAll('#kinds [data-name]').forEach((b) => b.addEventListener('click', () => setFilter('kind', JSON.parse(b.dataset.name))));
    document.querySelectorAll('#carriers [data-name]').forEach((b) => b.addEventListener('click', () => setFilter('provider', providers.list.indexOf(JSON.parse(b.dataset.name)))));
    document.querySelectorAll('[data-risk]').forEach((b) => b.addEventListener('click', () => setFilter('risk', b.dataset.risk)));
    document.querySelectorAll('[data-needs]').forEach((b) => b.addEventListener('click', () => setFilter('approval', b.dataset.needs)));
    document.querySelectorAll('.by-label').forEach((s) => s.querySelectorAll('[data-name]').forEach((b) => b.addEventListener('click', () => setFilter('label', JSON.stringify([JSON.parse(s.dataset.key), JSON.parse(b.dataset.name)])))));
    document.querySelectorAll('#models [data-name], #ends [data-name]').forEach((b) => b.addEventListener('click', () => setFilter('search', JSON.parse(b.dataset.name))));
    document.querySelectorAll('[data-kind]').forEach((b) => b.addEventListener('click', () => {
      controls.search.value = b.dataset.search || '';
      setFilter('kind', b.dataset.kind);
    }));
    window.addEventListener('beforeprint', print);
    window.addEventListener('afterprint', () => byID('printed').replaceChildren());
  }

  function gridKey(e) {
    const page = Math.max(1, Math.floor(visibleHeight() / rowHeight) - 1);
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: shown.length - 1 }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      moveTo(to);
    } else if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault();
      openRow(current);
    }
  }

  // print puts the rows that the filters leave on paper, since the table itself
  // has only those that are on the screen.
  const printedMost = 2000;
  function print() {
    const body = node('tbody');
    for (const r of shown.subarray(0, printedMost)) {
      body.append(node('tr', '', ...cells(r).map((c) => node('td', c.className, ...c.childNodes))));
    }
    const head = node('tr', '', ...[...head_()].map((name) => node('th', '', name)));
    const more = shown.length - printedMost;
    byID('printed').replaceChildren(node('table', '', node('thead', '', head), body),
      more > 0 ? node('p', 'call warn', say('{1} more are not printed. Filter the table before you print to choose others.', rows_(more))) : '');
  }
  const head_ = () => [...head.children].map((e) => e.textContent);

  function measure() {
    layOut();
    rowHeight = parseFloat(getComputedStyle(grid).getPropertyValue('--row')) || 40;
    draw(true);
  }

  async function start() {
    await read();
    fillFilters();
    listen();
    measure();
    await filter();
    section.dataset.ready = 'true';
    for (const block of blocks) { // so that the first search is as quick as the others
      hay(block);
      await pause();
    }
  }
  start();
})();
