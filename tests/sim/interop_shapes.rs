//! Servers in the wild, 26 and 27: shapes of data.

use serde_json::{Value, json};
use syncline::engine::input::Input;
use syncline::engine::table::RowId;

use crate::interop::{column, load_meets, on_the_wire};
use crate::network::pack_of;
use crate::world::World;

fn tree(world: &mut World, rows: Value) -> usize {
    let client = world.client(json!({}));
    world.add_store(
        client,
        json!({"id": "tasks", "parentField": "parentId", "fields": [{"name": "name"},
            {"name": "parentId"}, {"name": "leaf", "type": "boolean", "persist": false},
            {"name": "expanded", "type": "boolean", "persist": false}]}),
    );
    let body = json!({"success": true, "tasks": {"rows": rows}});
    assert_eq!(load_meets(world, client, 200, body), Ok(true));
    client
}

/// Ids of the children of a record; of the roots without one.
fn children(world: &mut World, client: usize, parent: Option<u64>) -> Vec<Value> {
    let rows: Vec<RowId> = world.rows(client, "tasks");
    rows.into_iter()
        .filter(|&row| {
            let of = world.get_row(client, "tasks", row, "parentId");
            of == parent.map_or(Value::Null, Value::from)
        })
        .map(|row| world.get_row(client, "tasks", row, "id"))
        .collect()
}

#[test]
fn interop_26_a_tree_may_come_flat_nested_or_mixed() {
    for rows in [
        json!([{"id": 1}, {"id": 2, "parentId": 1}, {"id": 3, "parentId": 2}, {"id": 4, "parentId": 1}]),
        json!([{"id": 3, "parentId": 2}, {"id": 2, "parentId": 1}, {"id": 4, "parentId": 1}, {"id": 1}]),
        json!([{"id": 1, "children": [{"id": 2, "children": [{"id": 3}]}, {"id": 4}]}]),
        json!([{"children": [{"id": 2, "children": [{"id": 3}]}, {"id": 4}], "id": 1}]),
        json!([{"id": 1, "parentId": null, "expanded": 1, "leaf": false, "children": [
            {"id": 2, "parentId": 1, "expanded": 0, "children": [
                {"id": 3, "parentId": 2, "leaf": true, "children": null}]},
            {"id": 4, "parentId": 1, "leaf": 1, "children": []}]}]),
        json!([{"id": 1, "children": true}, {"id": 2, "parentId": 1, "children": [{"id": 3}]},
            {"id": 4, "parentId": 1}]),
    ] {
        let mut world = World::calendar();
        let client = tree(&mut world, rows.clone());
        assert_eq!(children(&mut world, client, None), [1], "{rows}");
        assert_eq!(children(&mut world, client, Some(1)), [2, 4], "{rows}");
        assert_eq!(children(&mut world, client, Some(2)), [3], "{rows}");
        assert!(!world.is_dirty(client), "{rows}");
        // Nothing of the nesting goes back.
        world.set(client, "tasks", 2, "name", "b");
        assert_eq!(
            world.changes(client),
            json!({"tasks": {"updated": [{"id": 2, "name": "b"}]}})
        );
        world.check_end();
    }
}

#[test]
fn interop_26_expanded_and_leaf_are_read_as_servers_write_them() {
    let mut world = World::calendar();
    let rows = json!([{"id": 1, "expanded": 0, "leaf": "1"}, {"id": 2, "expanded": 1, "leaf": false},
        {"id": 3, "expanded": "true", "leaf": null}]);
    let client = tree(&mut world, rows);
    assert_eq!(
        column(&world, client, "tasks", "expanded"),
        [json!(false), json!(true), json!(true)]
    );
    assert_eq!(
        column(&world, client, "tasks", "leaf"),
        [json!(true), json!(false), json!(null)]
    );
}

#[test]
fn interop_26_a_parent_that_is_not_there_leaves_its_child_in_the_store() {
    let mut world = World::calendar();
    let client = tree(
        &mut world,
        json!([{"id": 2, "parentId": 99}, {"id": 3, "parentId": 3}]),
    );
    assert_eq!(world.count(client, "tasks"), 2);
    assert!(!world.is_dirty(client));
    world.check_end();
}

#[test]
fn interop_27_rows_stand_under_rows_or_data_or_alone_and_totals_are_not_believed() {
    let rows = json!([{"id": 7, "name": "a"}, {"id": 8, "name": "b"}]);
    for section in [
        json!({"rows": rows}),
        json!({"data": rows}),
        json!({"data": {"rows": rows, "total": 5000}}),
        json!({"total": 5000, "rows": rows}),
        json!({"rows": rows, "total": 0}),
        json!({"rows": rows, "total": "many", "startIndex": 0, "count": 100}),
        rows.clone(),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let body = json!({"success": true, "events": section});
        assert_eq!(
            load_meets(&mut world, client, 200, body),
            Ok(true),
            "{section}"
        );
        assert_eq!(column(&world, client, "events", "id"), [7, 8], "{section}");
        assert!(world.clients[client].warnings.is_empty(), "{section}");
        world.check_end();
    }
}

#[test]
fn interop_27_what_is_no_list_of_rows_is_passed_over_and_harms_nobody() {
    for section in [
        json!(7),
        json!("rows"),
        json!(null),
        json!(true),
        json!({"rows": 7}),
    ] {
        let mut world = World::calendar();
        let client = world.loaded(json!({}));
        let body = json!({"success": true, "events": section, "resources": [{"id": 3}]});
        assert_eq!(
            load_meets(&mut world, client, 200, body),
            Ok(true),
            "{section}"
        );
        assert_eq!(column(&world, client, "events", "id"), [1, 2], "{section}");
        assert_eq!(column(&world, client, "resources", "id"), [3], "{section}");
        world.check_end();
    }
}

#[test]
fn interop_27_a_further_chunk_can_be_added_to_what_is_there() {
    let mut world = World::calendar();
    let client = world.loaded(json!({}));
    world.set(client, "events", 2, "name", "mine");
    let chunks = [
        (
            json!([{"id": 2, "name": "two", "n": 9}, {"id": 3}]),
            vec![1, 2, 3],
        ),
        // An empty one changes nothing.
        (json!([]), vec![1, 2, 3]),
        (json!([{"id": 4}]), vec![1, 2, 3, 4]),
    ];
    for (rows, ids) in chunks {
        let body = json!({"events": {"rows": rows, "total": 900}});
        crate::interop::answer(&mut world, 200, body);
        let manager = world.clients[client].manager;
        let options = br#"{"events":{"append":true,"startIndex":2,"count":2}}"#;
        let load = Input::Load {
            manager,
            call: None,
            options: Some(options),
        };
        world.feed(client, load).unwrap();
        let asked = pack_of(&on_the_wire(&world))["stores"][0].clone();
        assert_eq!(asked, json!({"id": "events", "startIndex": 2, "count": 2}));
        world.settle();
        assert_eq!(column(&world, client, "events", "id"), ids);
    }
    assert_eq!(world.get(client, "events", 2, "name"), "mine");
    assert_eq!(world.get(client, "events", 2, "n"), 9);
    world.check_end();
}
