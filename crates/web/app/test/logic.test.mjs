// What is decided without a page: emergencies after events, the dispatcher's list, distances, addresses, texts.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { de } from '../build/i18n/de.js';
import { en } from '../build/i18n/en.js';
import { chooseLanguage, format, formatAge, formatDistance } from '../build/i18n/text.js';
import { ANSWER_LIMIT, entryOf, isFull, listed, MAX_ENDED, MAX_LIVE, overdue, withEntries } from '../build/logic/board.js';
import { dayOf, endOf } from '../build/logic/days.js';
import { deliveries, passedOver } from '../build/logic/deliveries.js';
import { applyEvent, canReopen, coming, hasEnoughOthers, searchState } from '../build/logic/emergency.js';
import { direction, DIRECTIONS, distance, gridStep, moved, navigationLink, rowOf, squareIn, TILE } from '../build/logic/geometry.js';
import { isEnough, isManualValid, MAX_MANUAL_AGE, presentPlace, SURE_AGE, withPlace, zoomFor } from '../build/logic/place.js';
import { asPress, goesFirst, isOther, MAX_AGE, nextStep } from '../build/logic/press.js';
import { programName } from '../build/logic/program.js';
import { isIos, pushObstacle } from '../build/logic/push.js';
import { pathOf, routeOf } from '../build/logic/route.js';
import { rowsIn, scrolledTo } from '../build/logic/rows.js';
import { PAGE_LOCK, usedScripts } from '../build/logic/versions.js';

const at = (minutes) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000).toISOString();
const emergency = (more = {}) => ({
  id: 'one',
  type: 'medical',
  status: 'active',
  createdAt: at(0),
  updatedAt: at(0),
  user: { profile: { firstName: 'Olivia', lastName: null } },
  description: null,
  category: null,
  location: { latitude: 0, longitude: 0, address: null, description: null },
  respondingHelpers: [],
  alerts: null,
  resolvedAt: null,
  resolutionType: null,
  ...more,
});
const joined = (id, minutes) => ({ emergencyId: 'one', helper: { id, joinedAt: at(minutes), profile: { firstName: id } } });

describe('an emergency after events', () => {
  it('lists who joined, once, and what they say; those who are there come first', () => {
    let shown = emergency();
    for (const payload of [joined('a', 1), joined('b', 2), joined('a', 3)]) shown = applyEvent(shown, 'helper:joined', payload);
    assert.deepEqual(coming(shown).map(({ helper }) => helper.id), ['b', 'a']);
    shown = applyEvent(shown, 'helper:status_update', { emergencyId: 'one', helperId: 'a', status: 'arrived', notes: 'here', updatedAt: at(4) });
    assert.deepEqual(coming(shown).map(({ helper, notes }) => [helper.id, notes]), [['a', 'here'], ['b', null]]);
    shown = applyEvent(shown, 'helper:role_assigned', { emergencyId: 'one', helperId: 'a', role: 'aed', resource: { id: 'box' } });
    assert.deepEqual(coming(shown).map(({ role, resourceId }) => [role, resourceId]), [['aed', 'box'], [null, null]]);
    shown = applyEvent(shown, 'helper:role_assigned', { emergencyId: 'one', helperId: 'a', role: 'patient', resource: null });
    assert.deepEqual(coming(shown).map(({ role, resourceId }) => [role, resourceId]), [['patient', null], [null, null]]);
    shown = applyEvent(shown, 'helper:status_update', { emergencyId: 'one', helperId: 'b', status: 'cancelled', notes: null, updatedAt: at(5) });
    assert.deepEqual(coming(shown).map(({ helper }) => helper.id), ['a']);
  });

  it('leads to where the emergency has moved, and counts nobody who gives no sign', () => {
    let shown = applyEvent(emergency(), 'helper:joined', joined('a', 1));
    const location = { latitude: 1, longitude: 2, precision: 0, address: null, description: null };
    shown = applyEvent(shown, 'emergency:moved', { emergencyId: 'one', location, timestamp: at(2), eventId: 7 });
    assert.deepEqual([shown.location, shown.updatedAt, searchState(shown, null)], [location, at(2), 'coming']);
    const update = { emergencyId: 'one', helperId: 'a', status: 'on_way', notes: null, updatedAt: at(3) };
    shown = applyEvent(shown, 'helper:status_update', { ...update, stalled: true });
    assert.deepEqual([coming(shown), searchState(shown, null)], [[], 'searching']);
    assert.equal(searchState(applyEvent(shown, 'helper:status_update', { ...update, stalled: false }), null), 'coming');
  });

  it('says first what a person who waits has to know', () => {
    const state = (statuses, unanswered = null) =>
      searchState({ id: 'one', respondingHelpers: statuses.map((status) => ({ status })) }, unanswered);
    assert.equal(state([]), 'searching');
    assert.equal(state(['cancelled']), 'searching');
    assert.equal(state(['completed', 'on_way']), 'coming');
    assert.equal(state(['responding', 'arrived']), 'there');
    assert.equal(state(['completed', 'cancelled']), 'helped', 'nobody is looked for any more');
    assert.equal(state([], { emergencyId: 'one', alertedHelpers: 2 }), 'unanswered');
    assert.equal(state([], { emergencyId: 'two', alertedHelpers: 2 }), 'searching');
    assert.equal(state(['responding'], { emergencyId: 'one', alertedHelpers: 2 }), 'coming');
  });

  it('needs a helper no more while two others come or are there', () => {
    const isEnough = (...others) =>
      hasEnoughOthers({ respondingHelpers: [['me', 'responding'], ...others].map(([id, status, stalled = false]) => ({ helper: { id }, status, stalled, respondedAt: at(1) })) }, 'me');
    assert.equal(isEnough(['a', 'arrived'], ['b', 'on_way']), true);
    assert.equal(isEnough(['a', 'arrived']), false);
    for (const gone of [['b', 'completed'], ['b', 'cancelled'], ['b', 'arrived', true]]) assert.equal(isEnough(['a', 'arrived'], gone), false, gone.join());
  });

  it('stays as it is after events of another one', () => {
    const shown = emergency();
    assert.equal(applyEvent(shown, 'helper:joined', { ...joined('a', 1), emergencyId: 'two' }), shown);
  });

  it('can be taken up again for a quarter of an hour after a helper ended it', () => {
    const end = { emergencyId: 'one', resolvedAt: at(0), resolvedBy: 'a', resolutionNotes: null };
    const byHelper = applyEvent(emergency(), 'emergency:resolved', { ...end, resolutionType: 'helper_resolved' });
    assert.equal(byHelper.status, 'resolved');
    assert.equal(canReopen(byHelper, Date.parse(at(14))), true);
    assert.equal(canReopen(byHelper, Date.parse(at(15))), false);
    const byOwner = applyEvent(emergency(), 'emergency:resolved', { ...end, resolutionType: 'user_resolved' });
    assert.equal(canReopen(byOwner, Date.parse(at(1))), false);
    const again = applyEvent(byHelper, 'emergency:reopened', { emergencyId: 'one', status: 'active', timestamp: at(1) });
    assert.deepEqual([again.status, again.resolvedAt, again.resolutionType], ['active', null, null]);
  });
});

describe('the list of a dispatcher', () => {
  const all = { status: 'all', type: 'all', text: '' };

  it('has unanswered emergencies first, then live ones, then the newest', () => {
    const board = withEntries(new Map(), [
      emergency({ id: 'ended', status: 'resolved', createdAt: at(9) }),
      emergency({ id: 'answered', status: 'responding', createdAt: at(8) }),
      emergency({ id: 'old', createdAt: at(1) }),
      emergency({ id: 'new', createdAt: at(2) }),
      emergency({ id: 'unanswered', createdAt: at(0), unanswered: true }),
    ]);
    assert.deepEqual(listed(board, all).map(({ id }) => id), ['unanswered', 'new', 'old', 'answered', 'ended']);
    assert.deepEqual(listed(board, { ...all, status: 'unanswered' }).map(({ id }) => id), ['unanswered']);
    assert.deepEqual(listed(board, { ...all, status: 'ended' }).map(({ id }) => id), ['ended']);
    assert.equal(listed(board, { ...all, text: ' OLIVIA ' }).length, 5);
    assert.equal(listed(board, { ...all, type: 'assault' }).length, 0);
  });

  it('tells once of an emergency that waits too long for an answer', () => {
    const now = Date.parse(at(0)) + ANSWER_LIMIT;
    const board = withEntries(new Map(), [
      emergency({ id: 'waits' }),
      emergency({ id: 'told', unanswered: true }),
      emergency({ id: 'answered', status: 'responding' }),
      emergency({ id: 'new', createdAt: at(0.5) }),
    ]);
    assert.deepEqual(overdue(board, now).map(({ id }) => id), ['waits']);
    assert.deepEqual(overdue(board, now - 1), []);
  });

  it('keeps a bounded number of live ones and of ended ones, the newest', () => {
    const of = (status, count) => Array.from({ length: count }, (_, index) => emergency({ id: `${status} ${index}`, status, createdAt: at(index) }));
    const board = withEntries(withEntries(new Map(), of('resolved', MAX_ENDED + 5)), of('active', MAX_LIVE + 5));
    assert.equal(board.size, MAX_ENDED + MAX_LIVE);
    for (const status of ['resolved', 'active']) assert.deepEqual([board.has(`${status} 4`), board.has(`${status} 5`)], [false, true]);
    assert.equal(isFull(board), true);
    assert.equal(isFull(withEntries(new Map(), of('active', 10))), false);
  });

  it('tells again when the helpers of an unanswered emergency drop out', () => {
    let board = withEntries(new Map(), [emergency({ unanswered: true, repeats: 2 })]);
    board = withEntries(board, [emergency()]);
    assert.deepEqual([board.get('one').unanswered, board.get('one').repeats], [true, 2], 'what only the list knows stays');
    board = withEntries(withEntries(board, [emergency({ status: 'responding' })]), [emergency()]);
    assert.deepEqual(overdue(board, Date.parse(at(5))).map(({ id }) => id), ['one']);
  });

  it('takes an emergency from the event that tells of it', () => {
    const { respondingHelpers, alerts, ...call } = emergency();
    assert.deepEqual(listed(withEntries(new Map(), [entryOf(call)]), all).map(({ id, respondingHelpers }) => [id, respondingHelpers]), [['one', []]]);
  });

  it('draws the rows that are seen, with some around them', () => {
    assert.deepEqual(rowsIn({ top: 0, height: 720 }, 72, 1_000), [0, 17]);
    assert.deepEqual(rowsIn({ top: 36_000, height: 720 }, 72, 1_000), [494, 517]);
    assert.deepEqual(rowsIn({ top: 71_280, height: 720 }, 72, 1_000), [984, 1_000]);
    assert.deepEqual(rowsIn({ top: 71_280, height: 720 }, 72, 3), [0, 3], 'a filter has made the list shorter');
    assert.deepEqual(rowsIn({ top: 0, height: 720 }, 72, 0), [0, 0]);
    assert.deepEqual([5, 0, 20].map((index) => scrolledTo(index, { top: 144, height: 720 }, 72)), [144, 0, 792]);
  });
});

describe('the deliveries of an emergency', () => {
  const entry = (event, data, minutes = 0) => ({ event, data, at: at(minutes), eventId: minutes, actor: null });
  const why = { arrival: 240, probability: 0.6, gain: 120, reason: 'gain' };

  it('are known helper by helper', () => {
    const entries = [
      entry('alerts:sent', { wave: 1, alerted: 3, helpers: [{ id: 'a', distance: 300, why }, { id: 'b', distance: null }] }),
      entry('alerts:pushed', { channel: 'webpush', step: 0, sent: ['a'], failed: ['b', 'gone'] }, 1),
      entry('alerts:pushed', { channel: 'webpush', step: 1, sent: ['a'], failed: [] }, 2),
      entry('alerts:acknowledged', { helperId: null }, 3),
      entry('alerts:seen', { helperId: 'a' }, 4),
      entry('alerts:sent', { wave: 2, alerted: 1, helpers: [{ id: 'b', distance: 900 }] }, 5),
      entry('emergency:ended', { status: 'resolved' }, 6),
    ];
    const facts = { at: at(0), delivered: false, seen: false, sent: [], failed: [] };
    assert.deepEqual(deliveries(entries), [
      { ...facts, helperId: 'a', times: 1, distance: 300, why, sent: ['webpush'], delivered: true, seen: true },
      { ...facts, helperId: 'b', times: 2, distance: 900, why: null, failed: ['webpush'] },
    ]);
    assert.equal(passedOver(entries), null);
    const passed = { id: 'c', distance: null, why: { ...why, gain: 3 } };
    assert.equal(passedOver([...entries, entry('alerts:sent', { helpers: [], passed }, 7)]), passed);
  });
});

describe('places', () => {
  it('measures distances within a per cent', () => {
    const berlin = { latitude: 52.52, longitude: 13.405 };
    const hamburg = { latitude: 53.551, longitude: 9.993 };
    assert.ok(Math.abs(distance(berlin, hamburg) - 255_500) < 2_500, `${distance(berlin, hamburg)}`);
    assert.equal(distance(berlin, berlin), 0);
  });

  it('says in which direction a place is, and finds the one so far away', () => {
    const [berlin, kiel] = [{ latitude: 52.52, longitude: 13.405 }, { latitude: 54.32, longitude: 10.12 }];
    assert.equal(direction(berlin, kiel), 'nw');
    assert.equal(direction(kiel, berlin), 'se');
    const steps = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];
    for (const [index, [north, east]] of steps.entries()) {
      const there = moved(berlin, north * 500, east * 500);
      assert.equal(direction(berlin, there), DIRECTIONS[index]);
      assert.ok(Math.abs(distance(berlin, there) - 500 * Math.hypot(north, east)) < 1, DIRECTIONS[index]);
    }
  });

  it('has squares whose side is what the scale says, wherever the screen is', () => {
    for (const latitude of [0, 51, -33.9, 64]) {
      for (const zoom of [10, 14, 17]) {
        const { metres, pixels } = squareIn(rowOf(latitude, zoom), zoom);
        assert.ok(pixels >= 45 && pixels <= 120, `${pixels} at ${latitude}, ${zoom}`);
        const degrees = (360 * pixels) / (TILE * 2 ** zoom);
        const side = distance({ latitude, longitude: 0 }, { latitude, longitude: degrees });
        assert.ok(Math.abs(side / metres - 1) < 0.06, `${side} m is no square of ${metres} m at ${latitude}, ${zoom}`);
      }
    }
  });

  it('remembers the last places of a person, each once', () => {
    const place = (latitude, at) => ({ latitude, longitude: 0, accuracy: null, at });
    const latitudes = (places) => places.map(({ latitude, at }) => [latitude, at]);
    let places = [];
    for (const [latitude, at] of [[1, 1], [2, 2], [1.001, 3], [3, 4], [4, 5]]) places = withPlace(places, { ...place(latitude, at), instead: null });
    assert.deepEqual(latitudes(places), [[4, 5], [3, 4], [1.001, 3]]);
    assert.deepEqual(Object.keys(places[0]), ['latitude', 'longitude', 'accuracy', 'at']);
  });

  it('lead to the navigation of the phone, as each system knows it', () => {
    const berlin = { latitude: 52.52, longitude: 13.405 };
    assert.equal(navigationLink(berlin, false), 'geo:52.520000,13.405000?q=52.520000,13.405000');
    assert.equal(navigationLink(berlin, true), 'https://maps.apple.com/?daddr=52.520000,13.405000');
  });

  it('count as the present one while they can be trusted', () => {
    const now = 100 * MAX_MANUAL_AGE;
    const manual = (age) => ({ latitude: 1, longitude: 1, accuracy: null, at: now - age });
    const found = (age, accuracy = 10) => ({ latitude: 2, longitude: 2, accuracy, at: now - age });
    const choice = (set, device) => presentPlace(set, device, now)?.latitude ?? null;
    assert.equal(choice(null, null), null);
    assert.equal(choice(null, found(MAX_MANUAL_AGE)), 2, 'better an old one than none');
    assert.equal(choice(manual(SURE_AGE), found(SURE_AGE)), 1, 'the person has just said it');
    assert.equal(choice(manual(SURE_AGE), found(0, 5_000)), 1, 'and the device knows the town only');
    assert.equal(choice(manual(SURE_AGE + 1), found(0)), 2, 'the person may have moved');
    assert.equal(choice(manual(SURE_AGE + 1), found(0, 5_000)), 1, 'the device knows the town only');
    assert.equal(choice(manual(SURE_AGE + 2), found(SURE_AGE + 1)), 1);
    assert.equal(choice(manual(MAX_MANUAL_AGE + 1), found(SURE_AGE + 1)), 2);
    assert.equal(choice(manual(MAX_MANUAL_AGE + 1), found(2 * MAX_MANUAL_AGE)), 1, 'the newer one');
    assert.deepEqual([manual(MAX_MANUAL_AGE), manual(MAX_MANUAL_AGE + 1)].map((place) => isManualValid(place, now)), [true, false]);
    const places = [manual(SURE_AGE), manual(SURE_AGE + 1), found(0), found(0, 20_000), found(SURE_AGE + 1)];
    assert.deepEqual(places.map((place) => isEnough(place, now)), [true, false, true, false, false]);
  });

  it('are seen on the first map with all that they may be', () => {
    const zooms = [null, 10, 200, 2_000, 20_000, 1e9].map((accuracy) => zoomFor({ latitude: 1, longitude: 1, accuracy, at: 0 }));
    assert.deepEqual(zooms, [17, 17, 16, 12, 9, 3]);
  });

  it('is the one of the device again when it has moved', () => {
    const now = 100 * MAX_MANUAL_AGE;
    const manual = (metres, instead) => ({ latitude: metres / 111_195, longitude: 0, accuracy: null, at: now - 60_000, instead });
    const found = (more) => ({ latitude: 0, longitude: 0, accuracy: 200, at: now, ...more });
    const isDevice = (set, device = found()) => presentPlace(set, device, now) === device;
    assert.equal(isDevice(manual(190)), false, 'so near, the person knows better');
    assert.equal(isDevice(manual(210)), true);
    assert.equal(isDevice(manual(1_000), found({ accuracy: 201 })), false);
    assert.equal(isDevice(manual(1_000), found({ at: now - 60_000 })), false, 'the person corrected that one');
    assert.equal(isDevice(manual(1_000, { latitude: 0, longitude: 0 })), false, 'it says the same as when the person corrected it');
    assert.equal(isDevice(manual(1_000, { latitude: 0.1, longitude: 0 })), true);
    assert.equal(isDevice(manual(1_000, null)), true);
  });

  it('is doubtful if its time lies ahead of the clock', () => {
    const now = 100 * MAX_MANUAL_AGE;
    const places = [1_000, SURE_AGE + 1, MAX_MANUAL_AGE + 1].map((ahead) => ({ latitude: 1, longitude: 1, accuracy: 10, at: now + ahead }));
    assert.deepEqual(places.map((place) => isEnough(place, now)), [true, false, false]);
    assert.deepEqual(places.map((place) => isManualValid(place, now)), [true, true, false]);
  });

  it('takes round steps for a grid', () => {
    assert.deepEqual([1.2, 3, 4, 8, 130, 9_000].map(gridStep), [1, 2, 5, 10, 100, 10_000]);
  });
});

describe('a day', () => {
  const { TZ } = process.env;
  after(() => (TZ === undefined ? delete process.env.TZ : (process.env.TZ = TZ)));

  for (const zone of ['America/Los_Angeles', 'UTC', 'Pacific/Auckland']) {
    it(`stays the same over its end as a time, in ${zone}`, () => {
      process.env.TZ = zone;
      for (const day of ['2026-03-08', '2026-12-31', '2099-01-01']) assert.equal(dayOf(endOf(day)), day);
    });
  }

  it('ends where the person is', () => {
    process.env.TZ = 'America/Los_Angeles';
    assert.equal(endOf('2026-12-31'), '2027-01-01T07:59:59.000Z');
  });
});

describe('a press of the SOS button that was kept', () => {
  const press = { requestId: 'r1', userId: 'u1', pressedAt: 1_000_000, sendAt: 1_003_000, silentMode: true, anonymousMode: false, fixedPlace: true };
  const step = (userId, later) => nextStep(press, userId, press.pressedAt + later);

  it('goes on where it was, for a quarter of an hour', () => {
    assert.equal(nextStep(null, 'u1', 0), 'none');
    assert.equal(step('u1', 2_999), 'count');
    assert.equal(step('u1', 3_000), 'send');
    assert.equal(step('u1', MAX_AGE), 'send');
    assert.equal(step('u1', MAX_AGE + 1), 'ask');
    assert.equal(step('u1', -2_000), 'count', 'the clock was set right meanwhile');
    assert.equal(step('u1', -MAX_AGE - 1), 'ask');
  });

  it('waits for its user, and is not sent by another one', () => {
    assert.equal(step(null, 5_000), 'sign_in');
    assert.equal(step(null, MAX_AGE + 1), 'ask');
    assert.equal(step('u2', 5_000), 'none');
  });

  it('is not lost behind an earlier call that the service has not answered', () => {
    assert.equal(goesFirst({ requestId: 'r0', userId: 'u1' }, press), false);
    assert.equal(goesFirst({ requestId: 'r1', userId: 'u1' }, press), true, 'the client has it');
    assert.equal(goesFirst({ requestId: 'r0', userId: 'u1' }, null), true);
    assert.equal(goesFirst({ requestId: 'r0', userId: 'u2' }, press), true, 'of another user');
    assert.deepEqual([isOther(press, 'r0'), isOther(press, 'r1'), isOther(null, 'r0')], [true, false, false]);
  });

  it('is read as it was written, and damaged ones are none', () => {
    assert.deepEqual(asPress(JSON.parse(JSON.stringify(press))), press);
    for (const damaged of [null, 1, [], {}, { ...press, pressedAt: '1' }, { ...press, userId: null }]) assert.equal(asPress(damaged), null);
    const least = { requestId: 'r', userId: 'u', pressedAt: 5 };
    const read = { ...least, sendAt: 5, silentMode: false, anonymousMode: false, fixedPlace: null };
    for (const fixedPlace of [undefined, null, 'yes']) assert.deepEqual(asPress({ ...least, fixedPlace }), read);
  });
});

describe('versions of the app', () => {
  it('are known by the locks of their pages', () => {
    const held = [{ name: `${PAGE_LOCK}https://a.example/app/assets/index-1.js` }, { name: 'allynet:refresh' }, {}];
    assert.deepEqual(usedScripts(held), ['https://a.example/app/assets/index-1.js']);
  });
});

describe('addresses', () => {
  it('lead to their screens and back', () => {
    for (const path of ['/app/', '/app/help', '/app/account', '/app/dispatch', '/app/dispatch/abc', '/app/emergencies/abc']) {
      assert.equal(pathOf(routeOf(path)), path);
    }
    for (const path of ['/', '/app/nothing', '/app/emergencies/', '/other/help']) assert.deepEqual(routeOf(path), { screen: 'sos' }, path);
  });
});

describe('notifications', () => {
  const platform = { isSecure: true, isConfigured: true, isInstalled: false, isIos: false, support: 'possible' };

  it('names the first thing in the way', () => {
    assert.equal(pushObstacle(platform), 'none');
    assert.equal(pushObstacle({ ...platform, isConfigured: false, isSecure: false }), 'not_configured');
    assert.equal(pushObstacle({ ...platform, isSecure: false, support: 'unsupported' }), 'insecure');
    assert.equal(pushObstacle({ ...platform, isIos: true, support: 'unsupported' }), 'install_first');
    assert.equal(pushObstacle({ ...platform, isIos: true, isInstalled: true }), 'none');
    assert.equal(pushObstacle({ ...platform, support: 'denied' }), 'denied');
  });

  it('knows iPads that call themselves Macs', () => {
    assert.equal(isIos('Mozilla/5.0 (Macintosh; Intel Mac OS X)', 5), true);
    assert.equal(isIos('Mozilla/5.0 (Macintosh; Intel Mac OS X)', 0), false);
    assert.equal(isIos('Mozilla/5.0 (iPhone; CPU iPhone OS)', 5), true);
  });
});

describe('programs', () => {
  it('have the names that people know', () => {
    const mobile = 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36';
    assert.equal(programName(mobile), 'Chrome, Android');
    assert.equal(programName(`${mobile} EdgA/126.0`), 'Edge, Android');
    assert.equal(programName('Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Mobile Safari/604.1'), 'Safari, iPhone');
    assert.equal(programName('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'), 'Firefox, Linux');
    assert.equal(programName('node'), 'node');
    assert.equal(programName(null), null);
  });
});

describe('texts', () => {
  const parameters = (text) =>
    [...new Set((typeof text === 'string' ? [text] : Object.values(text)).flatMap((each) => [...each.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)))].sort();

  it('have the same parameters in every language, and the plural forms that it needs', () => {
    for (const [key, text] of Object.entries(en)) {
      assert.deepEqual(parameters(de[key]), parameters(text), key);
      assert.equal(typeof de[key], typeof text, key);
      if (typeof text === 'object') for (const each of [text, de[key]]) assert.ok(each.one && each.other, key);
    }
    assert.deepEqual(Object.keys(de), Object.keys(en));
  });

  it('choose the plural form, and write numbers as the language does', () => {
    const text = { one: '{count} helper', few: '{count} few', other: '{count} helpers' };
    assert.equal(format(text, { count: 1 }, 'en'), '1 helper');
    assert.equal(format(text, { count: 1_200 }, 'de'), '1.200 helpers');
    assert.equal(format(text, { count: 3 }, 'pl'), '3 few');
    assert.equal(format('{a} {b}', { a: 'x' }, 'en'), 'x ');
  });

  it('say distances and ages in units that fit', () => {
    assert.equal(formatDistance(344, 'en'), '340 m');
    assert.equal(formatDistance(1_260, 'en'), '1.3 km');
    assert.equal(formatDistance(23_600, 'de'), '24 km');
    assert.equal(formatAge(0, 'en'), 'now');
    assert.match(formatAge(125_000, 'en'), /^2 min/);
  });

  it('come in the first language that there is', () => {
    assert.equal(chooseLanguage(['', 'fr-FR', 'de-AT', 'en'], ['en', 'de'], 'en'), 'de');
    assert.equal(chooseLanguage(['fr'], ['en', 'de'], 'en'), 'en');
  });
});
