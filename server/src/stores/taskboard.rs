//! The task board's stores.

use super::calendar::PEOPLE;
use super::{
    Default, Field, IdKind, MAX_PROSE_CHARS, MAX_STYLE_CHARS, OnRemove, Project, Rule, Store,
};

pub(crate) static PROJECT: Project = Project {
    name: "taskboard",
    stores: &[&COLUMNS, &SWIMLANES, &PEOPLE, &TASKS, &ASSIGNMENTS],
};

const WEIGHTS: (i64, i64) = (-1_000_000_000, 1_000_000_000);

const LANE_FIELDS: &[Field] = &[
    Field::text("text", 100).required(),
    Field::text("color", 50),
    Field::boolean("collapsed", false),
    Field::integer("weight", WEIGHTS.0, WEIGHTS.1).or(Default::Integer(0)),
];

pub(crate) static COLUMNS: Store = Store {
    name: "columns",
    table: "columns",
    noun: "column",
    id: IdKind::Text,
    fields: LANE_FIELDS,
    rules: &[],
};

pub(crate) static SWIMLANES: Store = Store {
    name: "swimlanes",
    table: "swimlanes",
    noun: "swimlane",
    id: IdKind::Text,
    fields: LANE_FIELDS,
    rules: &[],
};

pub(crate) static TASKS: Store = Store {
    name: "tasks",
    table: "tasks",
    noun: "task",
    id: IdKind::Integer,
    fields: &[
        Field::text("name", 255)
            .required()
            .or(Default::Text("New Task")),
        Field::text("description", MAX_PROSE_CHARS),
        Field::to_text("status", "columns", OnRemove::Restrict)
            .required()
            .or(Default::Text("todo")),
        Field::to_text("prio", "swimlanes", OnRemove::SetNull).or(Default::Text("medium")),
        Field::integer("weight", WEIGHTS.0, WEIGHTS.1).or(Default::Integer(0)),
        Field::date("deadline"),
        Field::integer("progress", 0, 100).or(Default::Integer(0)),
        Field::integer("storyPoints", 0, 1_000_000),
        Field::text("labels", 500),
        Field::text("eventColor", 50),
        Field::text("cls", MAX_STYLE_CHARS),
        Field::text("iconCls", MAX_STYLE_CHARS),
        Field::boolean("readOnly", false),
        Field::to("parentId", "tasks", OnRemove::SetNull),
    ],
    rules: &[
        Rule::Locked { field: "readOnly" },
        Rule::Tree { parent: "parentId" },
    ],
};

pub(crate) static ASSIGNMENTS: Store = Store {
    name: "assignments",
    table: "assignments",
    noun: "assignment",
    id: IdKind::Integer,
    fields: &[
        Field::to("event", "tasks", OnRemove::Cascade).required(),
        Field::to("resource", "people", OnRemove::Cascade).required(),
        Field::real("units", 0.0, 100.0).or(Default::Real(100.0)),
    ],
    rules: &[Rule::Unique {
        fields: &["event", "resource"],
        message: "This resource is assigned to the task already",
    }],
};
