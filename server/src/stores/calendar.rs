//! The calendar's stores. `resources` are the people whom the task board knows too.

use super::{
    Default, Field, IdKind, MAX_PROSE_CHARS, MAX_STYLE_CHARS, OnRemove, Project, Rule, Store,
};

pub(crate) static PROJECT: Project = Project {
    name: "calendar",
    stores: &[
        &CALENDARS,
        &PEOPLE,
        &EVENTS,
        &ASSIGNMENTS,
        &TIME_RANGES,
        &RESOURCE_TIME_RANGES,
    ],
};

const MAX_JSON_BYTES: usize = 64 * 1024;

const DURATION_UNITS: &[&str] = &[
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "ms",
    "s",
    "m",
    "h",
    "d",
    "w",
    "M",
    "q",
    "y",
];

pub(crate) static CALENDARS: Store = Store {
    name: "calendars",
    table: "calendars",
    noun: "calendar",
    id: IdKind::Text,
    fields: &[
        Field::text("name", 255).required(),
        Field::boolean("unspecifiedTimeIsWorking", true),
        Field::json("intervals", MAX_JSON_BYTES),
        Field::text("eventColor", 50),
        Field::text("cls", MAX_STYLE_CHARS),
    ],
    rules: &[],
};

pub(crate) static PEOPLE: Store = Store {
    name: "resources",
    table: "people",
    noun: "resource",
    id: IdKind::Integer,
    fields: &[
        Field::text("name", 100).required(),
        Field::text("email", 255),
        Field::text("image", 255),
        Field::text("role", 50),
        Field::boolean("active", true),
        Field::text("eventColor", 50),
        Field::to_text("calendar", "calendars", OnRemove::SetNull),
    ],
    rules: &[Rule::Unique {
        fields: &["email"],
        message: "Another resource has this e-mail address",
    }],
};

pub(crate) static EVENTS: Store = Store {
    name: "events",
    table: "events",
    noun: "event",
    id: IdKind::Integer,
    fields: &[
        Field::text("name", 255).required(),
        Field::date_time("startDate").required(),
        Field::date_time("endDate").required(),
        Field::real("duration", 0.0, 1e12),
        Field::choice("durationUnit", DURATION_UNITS),
        Field::boolean("allDay", false),
        Field::text("eventColor", 50),
        Field::text("eventStyle", 50),
        Field::text("style", MAX_STYLE_CHARS),
        Field::text("cls", MAX_STYLE_CHARS),
        Field::text("iconCls", MAX_STYLE_CHARS),
        Field::text("location", 255),
        Field::text("note", MAX_PROSE_CHARS),
        Field::text("recurrenceRule", 500),
        Field::json("exceptionDates", MAX_JSON_BYTES),
        Field::text("timeZone", 100),
        Field::to_text("calendar", "calendars", OnRemove::SetNull),
        Field::boolean("draggable", true),
        Field::boolean("resizable", true),
        Field::boolean("readOnly", false),
    ],
    rules: &[
        Rule::NotBefore {
            start: "startDate",
            end: "endDate",
        },
        Rule::Locked { field: "readOnly" },
    ],
};

pub(crate) static ASSIGNMENTS: Store = Store {
    name: "assignments",
    table: "event_assignments",
    noun: "assignment",
    id: IdKind::Integer,
    fields: &[
        Field::to("event", "events", OnRemove::Cascade).required(),
        Field::to("resource", "people", OnRemove::Cascade).required(),
        Field::real("units", 0.0, 100.0).or(Default::Real(100.0)),
    ],
    rules: &[Rule::Unique {
        fields: &["event", "resource"],
        message: "This resource is assigned to the event already",
    }],
};

pub(crate) static TIME_RANGES: Store = Store {
    name: "timeRanges",
    table: "time_ranges",
    noun: "time range",
    id: IdKind::Integer,
    fields: &[
        Field::text("name", 255).required(),
        Field::date_time("startDate").required(),
        Field::date_time("endDate").required(),
        Field::text("timeRangeColor", 50),
        Field::text("recurrenceRule", 500),
        Field::text("cls", MAX_STYLE_CHARS),
        Field::text("iconCls", MAX_STYLE_CHARS),
    ],
    rules: &[Rule::NotBefore {
        start: "startDate",
        end: "endDate",
    }],
};

pub(crate) static RESOURCE_TIME_RANGES: Store = Store {
    name: "resourceTimeRanges",
    table: "resource_time_ranges",
    noun: "resource time range",
    id: IdKind::Integer,
    fields: &[
        Field::to("resourceId", "people", OnRemove::Cascade).required(),
        Field::text("name", 255).required(),
        Field::date_time("startDate").required(),
        Field::date_time("endDate").required(),
        Field::text("timeRangeColor", 50),
        Field::text("recurrenceRule", 500),
        Field::text("cls", MAX_STYLE_CHARS),
        Field::text("iconCls", MAX_STYLE_CHARS),
    ],
    rules: &[Rule::NotBefore {
        start: "startDate",
        end: "endDate",
    }],
};
