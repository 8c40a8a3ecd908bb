//! The team's week, around the day on which the database is created. Times are wall-clock times,
//! so that the working day begins at nine in whatever zone the page is opened.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::put;
use crate::stores::calendar::{ASSIGNMENTS, CALENDARS, EVENTS, RESOURCE_TIME_RANGES, TIME_RANGES};
use crate::stores::date::day_text;

/// The calendar by which everyone works.
pub(super) const OFFICE_HOURS: &str = "general";

const BLUE: &str = "#3b82f6";
const GREEN: &str = "#10b981";
const VIOLET: &str = "#8b5cf6";
const AMBER: &str = "#f59e0b";
const ROSE: &str = "#f43f5e";
const CYAN: &str = "#0891b2";
const SLATE: &str = "#64748b";

const ANGELO: i64 = 1;
const CELIA: i64 = 2;
const DAVE: i64 = 3;
const EMILIA: i64 = 4;
const GLORIA: i64 = 5;
const HENRIK: i64 = 6;
const KATE: i64 = 7;
const ALL: &[i64] = &[ANGELO, CELIA, DAVE, EMILIA, GLORIA, HENRIK, KATE];

/// A moment of the week: days after Monday, and a time.
type At = (i64, &'static str);

/// An event of the week with those who take part.
struct Entry {
    name: &'static str,
    start: At,
    end: At,
    color: &'static str,
    people: &'static [i64],
    location: Option<&'static str>,
    note: Option<&'static str>,
    locked: bool,
}

impl Entry {
    const fn new(
        name: &'static str,
        start: At,
        end: At,
        color: &'static str,
        people: &'static [i64],
    ) -> Self {
        Self {
            name,
            start,
            end,
            color,
            people,
            location: None,
            note: None,
            locked: false,
        }
    }

    const fn at(mut self, location: &'static str) -> Self {
        self.location = Some(location);
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    const fn locked(mut self) -> Self {
        self.locked = true;
        self
    }
}

/// From midnight to midnight: such an entry is an all-day event. The end is the first day after.
const MIDNIGHT: &str = "00:00";

const WEEK: [Entry; 28] = [
    Entry::new("Weekly planning", (0, "09:00"), (0, "10:00"), VIOLET, ALL)
        .at("Lighthouse room")
        .note("Goals of the week, who is away, what blocks us."),
    Entry::new(
        "Design review: onboarding",
        (0, "10:30"),
        (0, "11:30"),
        ROSE,
        &[CELIA, EMILIA, KATE],
    )
    .at("Studio"),
    Entry::new(
        "Implement calendar filters",
        (0, "13:30"),
        (0, "16:00"),
        BLUE,
        &[ANGELO, DAVE],
    ),
    Entry::new(
        "Interview: frontend developer",
        (0, "16:15"),
        (0, "17:00"),
        AMBER,
        &[EMILIA, CELIA],
    ),
    Entry::new("Stand-up", (1, "09:00"), (1, "09:15"), CYAN, ALL),
    Entry::new(
        "Pairing: drag and drop",
        (1, "09:30"),
        (1, "11:30"),
        BLUE,
        &[ANGELO, KATE],
    ),
    Entry::new(
        "Customer call: Northwind",
        (1, "11:00"),
        (1, "12:00"),
        AMBER,
        &[EMILIA, HENRIK],
    )
    .note("They want to hear when the offline mode comes."),
    Entry::new(
        "Accessibility audit",
        (1, "13:30"),
        (1, "15:30"),
        GREEN,
        &[GLORIA, CELIA],
    ),
    Entry::new(
        "One-to-one",
        (1, "16:00"),
        (1, "16:30"),
        VIOLET,
        &[EMILIA, DAVE],
    ),
    Entry::new("Stand-up", (2, "09:00"), (2, "09:15"), CYAN, ALL),
    Entry::new(
        "Load tests",
        (2, "09:30"),
        (2, "11:30"),
        GREEN,
        &[HENRIK, GLORIA],
    ),
    Entry::new("Sprint demo", (2, "11:00"), (2, "12:00"), VIOLET, ALL).at("Lighthouse room"),
    Entry::new("Company all-hands", (2, "14:00"), (2, "15:00"), SLATE, ALL)
        .at("Auditorium")
        .note("Set by the management; it can't be moved.")
        .locked(),
    Entry::new(
        "Write release notes",
        (2, "15:30"),
        (2, "17:00"),
        BLUE,
        &[KATE],
    ),
    Entry::new("Stand-up", (3, "09:00"), (3, "09:15"), CYAN, ALL),
    Entry::new(
        "Architecture: offline mode",
        (3, "09:30"),
        (3, "11:00"),
        BLUE,
        &[ANGELO, DAVE, HENRIK],
    ),
    Entry::new(
        "User interviews",
        (3, "10:00"),
        (3, "12:00"),
        ROSE,
        &[CELIA, EMILIA],
    ),
    Entry::new(
        "Bug triage",
        (3, "13:30"),
        (3, "14:30"),
        GREEN,
        &[GLORIA, ANGELO, DAVE],
    ),
    Entry::new(
        "Refactor the sync layer",
        (3, "15:00"),
        (3, "17:00"),
        BLUE,
        &[KATE, ANGELO],
    ),
    Entry::new("Stand-up", (4, "09:00"), (4, "09:15"), CYAN, ALL),
    Entry::new(
        "Release 2.4",
        (4, "10:00"),
        (4, "11:00"),
        AMBER,
        &[HENRIK, GLORIA],
    ),
    Entry::new("Retrospective", (4, "14:00"), (4, "15:00"), VIOLET, ALL).at("Lighthouse room"),
    Entry::new("Drinks", (4, "16:30"), (4, "18:00"), ROSE, ALL).at("Roof terrace"),
    Entry::new(
        "Berlin: partner visit",
        (3, "16:00"),
        (4, "12:00"),
        AMBER,
        &[EMILIA],
    )
    .at("Berlin"),
    Entry::new(
        "Support duty: Dave",
        (0, MIDNIGHT),
        (5, MIDNIGHT),
        SLATE,
        &[DAVE],
    ),
    Entry::new(
        "Conference: Web Days",
        (1, MIDNIGHT),
        (3, MIDNIGHT),
        GREEN,
        &[KATE],
    )
    .at("Rotterdam"),
    Entry::new(
        "Gloria's birthday",
        (3, MIDNIGHT),
        (4, MIDNIGHT),
        ROSE,
        &[GLORIA],
    ),
    Entry::new(
        "Sailing day",
        (5, MIDNIGHT),
        (6, MIDNIGHT),
        CYAN,
        &[ANGELO, CELIA, HENRIK],
    ),
];

pub(super) async fn insert_calendars(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let office_hours = json!({
        "id": OFFICE_HOURS,
        "name": "Office hours",
        "unspecifiedTimeIsWorking": false,
        "intervals": [{
            "recurrentStartDate": "every weekday at 09:00",
            "recurrentEndDate": "every weekday at 17:00",
            "isWorking": true,
        }],
    });
    put(connection, &CALENDARS, office_hours).await?;
    Ok(())
}

/// Inserts events, assignments and time ranges of the week that begins on `monday`.
pub(super) async fn insert(connection: &mut SqliteConnection, monday: i64) -> sqlx::Result<()> {
    for entry in &WEEK {
        insert_entry(connection, monday, entry).await?;
    }
    for day in 0..5 {
        let lunch = range(
            "Lunch",
            moment(monday, (day, "12:30")),
            moment(monday, (day, "13:30")),
        );
        put(connection, &TIME_RANGES, lunch).await?;
    }
    let freeze = range(
        "Code freeze",
        moment(monday, (3, "17:00")),
        moment(monday, (4, "10:00")),
    );
    put(connection, &TIME_RANGES, freeze).await?;
    let away = [
        (HENRIK, "Day off", 0, 1),
        (ANGELO, "Works from home", 2, 3),
        (KATE, "Conference", 1, 3),
        (CELIA, "Holiday", 7, 12),
    ];
    for (person, name, first, end) in away {
        let (start, end) = (
            moment(monday, (first, MIDNIGHT)),
            moment(monday, (end, MIDNIGHT)),
        );
        let mut values = range(name, start, end);
        values["resourceId"] = person.into();
        put(connection, &RESOURCE_TIME_RANGES, values).await?;
    }
    Ok(())
}

async fn insert_entry(
    connection: &mut SqliteConnection,
    monday: i64,
    entry: &Entry,
) -> sqlx::Result<()> {
    let event = json!({
        "name": entry.name,
        "startDate": moment(monday, entry.start),
        "endDate": moment(monday, entry.end),
        "allDay": entry.start.1 == MIDNIGHT && entry.end.1 == MIDNIGHT,
        "eventColor": entry.color,
        "location": entry.location,
        "note": entry.note,
        "readOnly": entry.locked,
    });
    let event = put(connection, &EVENTS, event).await?.to_value();
    for person in entry.people {
        let assignment = json!({ "event": event, "resource": person });
        put(connection, &ASSIGNMENTS, assignment).await?;
    }
    Ok(())
}

fn range(name: &str, start: String, end: String) -> Value {
    json!({ "name": name, "startDate": start, "endDate": end, "timeRangeColor": SLATE })
}

fn moment(monday: i64, (day, time): At) -> String {
    format!("{}T{time}:00", day_text(monday + day))
}
