//! The team's task board. Deadlines lie around the week in which the database is created: one is
//! over.

use serde_json::json;
use sqlx::SqliteConnection;

use super::put;
use crate::stores::date::day_text;
use crate::stores::taskboard::{ASSIGNMENTS, COLUMNS, SWIMLANES, TASKS};

/// Name, description, status, priority, deadline (days after Monday) and assigned people of a task.
type Task = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    i64,
    [i64; 2],
);

const TASK_LIST: [Task; 5] = [
    (
        "Bug with rendering",
        "Try it on any demo, reproduces easily",
        "review",
        "medium",
        4,
        [1, 5],
    ),
    (
        "Add button to toolbar",
        "Should look like a proper button",
        "done",
        "low",
        -10,
        [2, 6],
    ),
    (
        "Remove overflow",
        "It is overflowing everywhere",
        "doing",
        "medium",
        -3,
        [3, 7],
    ),
    (
        "Write tests",
        "Test coverage is approximately 5%",
        "done",
        "high",
        -4,
        [1, 4],
    ),
    (
        "Refactor base class",
        "It is currently a mess",
        "todo",
        "low",
        11,
        [2, 3],
    ),
];

/// Inserts columns, swimlanes, tasks and assignments; `monday` is that of the week.
pub(super) async fn insert(connection: &mut SqliteConnection, monday: i64) -> sqlx::Result<()> {
    let columns = [
        ("todo", "Backlog", "purple"),
        ("doing", "In Progress", "orange"),
        ("review", "Review", "blue"),
        ("done", "Done", "green"),
    ];
    for (weight, (id, text, color)) in columns.into_iter().enumerate() {
        let column = json!({ "id": id, "text": text, "color": color, "weight": weight });
        put(connection, &COLUMNS, column).await?;
    }
    let swimlanes = [
        ("high", "High Priority", "red"),
        ("medium", "Medium Priority", "orange"),
        ("low", "Low Priority", "green"),
    ];
    for (weight, (id, text, color)) in swimlanes.into_iter().enumerate() {
        let swimlane = json!({ "id": id, "text": text, "color": color, "weight": weight });
        put(connection, &SWIMLANES, swimlane).await?;
    }
    for (index, (name, description, status, prio, deadline, people)) in
        TASK_LIST.into_iter().enumerate()
    {
        let task = json!({
            "name": name,
            "description": description,
            "status": status,
            "prio": prio,
            "deadline": day_text(monday + deadline),
            "weight": (index + 1) * 100,
            "progress": if status == "done" { 100 } else { 0 },
        });
        let event = put(connection, &TASKS, task).await?.to_value();
        for resource in people {
            let assignment = json!({ "event": event, "resource": resource });
            put(connection, &ASSIGNMENTS, assignment).await?;
        }
    }
    Ok(())
}
