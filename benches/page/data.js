// Calendar rows as a server would send them: about 265 bytes each, the same ones in every run.

const NAMES = ['Sprint planning', 'Design review', 'Customer call', 'Retrospective', 'Interview', 'Release meeting',
    'One on one', 'Budget round', 'Workshop', 'Stand-up', 'Architecture board', 'Support rota'];
const FOREIGN = ['Müller & Søn: Übergabe', 'Réunion d’équipe à Orléans', 'Встреча с клиентом', '東京オフィスとの会議', 'Reunião de orçamento',
    'Kierownictwo działu łączności', 'Sjöfartsmöte i Malmö'];
const NOTES = ['Bring the latest figures and the open questions of last week.', 'Room moved to the second floor, please be on time.',
    'Said: "we\'ll see" \\ to be continued\nnext time', 'Agenda follows by mail; remote people join by link.'];
const COLORS = ['blue', 'green', 'orange', 'red', 'purple', 'teal'];
const TYPES = ['meeting', 'call', 'travel', 'focus'];
const FIRST_DAY = Date.UTC(2026, 0, 1);
const DAYS = 730;

/** A generator of numbers in 0..1 that always gives the same ones (mulberry32). */
function random(seed) {
    return () => {
        seed = (seed + 0x6D2B79F5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

export function rows(n) {
    const next = random(42), pick = list => list[Math.floor(next() * list.length)];
    return Array.from({ length: n }, (_, i) => {
        const start = FIRST_DAY + Math.floor(next() * DAYS) * 864e5 + (7 + Math.floor(next() * 11)) * 36e5;
        const end = start + (1 + Math.floor(next() * 8)) * 18e5;
        return {
            id: i + 1,
            name: `${next() < 0.29 ? pick(FOREIGN) : pick(NAMES)} ${i + 1}`,
            startDate: new Date(start).toISOString().replace('.000Z', 'Z'),
            endDate: new Date(end).toISOString().replace('.000Z', 'Z'),
            resourceId: 1 + Math.floor(next() * 200),
            allDay: next() < 0.05,
            notes: next() < 0.05 ? NOTES[2] : pick([NOTES[0], NOTES[1], NOTES[3]]),
            color: pick(COLORS),
            eventType: pick(TYPES),
            priority: Math.floor(next() * 10),
        };
    });
}

/**
 * The bytes of a load answer; `ascii` writes what isn't ASCII as \u escapes, as PHP and others do.
 */
export function answer(n, ascii) {
    let text = JSON.stringify({ success: true, requestId: 1, revision: 1, events: { rows: rows(n), total: n } });
    if (ascii) text = text.replace(/[\u0080-\uffff]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
    return new TextEncoder().encode(text);
}

/** Monday to Monday in the middle of the data, in ms. */
export const WEEK = [Date.UTC(2026, 5, 1), Date.UTC(2026, 5, 8)];
