use super::*;
use crate::schema::{DateFormat, FieldKind};

fn table() -> Table {
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    schema.ensure(Field::new("name", FieldKind::Text));
    let date = || FieldKind::Date(DateFormat::IsoUtc);
    let start = schema.ensure(Field::new("start", date()));
    let end = schema.ensure(Field::new("end", date()));
    schema.interval = start.zip(end);
    Table::new(schema, 1)
}

const ID: FieldIx = FieldIx(0);
const NAME: FieldIx = FieldIx(1);
const START: FieldIx = FieldIx(2);
const END: FieldIx = FieldIx(3);

fn add(table: &mut Table, id: Value<'_>, start: f64, end: f64) -> RowIx {
    let row = table.push_row();
    let id = table.make_cell(id);
    table.set_cell(row, ID, id);
    table.set_cell(row, START, Cell::number(start));
    table.set_cell(row, END, Cell::number(end));
    table.show(&[row], None);
    row
}

#[test]
fn a_handle_to_a_freed_row_finds_nothing_also_after_another_moved_in() {
    let mut table = table();
    let row = add(&mut table, Value::Number(1.0), 0.0, 1.0);
    let handle = table.handle(row);
    assert_eq!(table.resolve(handle), Some(row));
    table.free_row(row);
    table.free_row(row);
    assert_eq!(table.resolve(handle), None);
    assert_eq!(table.find_id(IdRef::Number(1.0)), None);
    let other = add(&mut table, Value::Number(2.0), 0.0, 1.0);
    assert_eq!(other, row);
    assert_eq!(table.resolve(handle), None);
    assert_eq!(table.resolve(table.handle(other)), Some(other));
    assert!(table.next_generation() > table.handle(other).generation);
    let strange = RowId {
        row: RowIx(77),
        generation: 0,
    };
    assert_eq!(table.resolve(strange), None);
    table.set_cell(RowIx(77), NAME, Cell::TRUE);
    assert_eq!(table.cell(RowIx(77), NAME), Cell::ABSENT);
    assert_eq!(table.rows_len(), 1);
}

#[test]
fn rows_keep_their_order_through_hiding_showing_and_moving() {
    let mut table = table();
    let rows: Vec<RowIx> = (0..6)
        .map(|id| add(&mut table, Value::Number(f64::from(id)), 0.0, 1.0))
        .collect();
    let check = |table: &Table, expected: &[u32]| {
        let order: Vec<u32> = table.order().iter().map(|row| row.0).collect();
        assert_eq!(order, expected);
        for (at, row) in table.order().iter().enumerate() {
            assert_eq!(table.position(*row), Some(at));
        }
        let visible = table.live().filter(|row| table.is_visible(*row)).count();
        assert_eq!(visible, expected.len());
    };
    table.hide(&[rows[4], rows[1], rows[4]]);
    check(&table, &[0, 2, 3, 5]);
    table.hide(&[rows[1]]);
    table.show(&[rows[4], rows[1], rows[4], rows[0], RowIx(99)], Some(1));
    check(&table, &[0, 4, 1, 2, 3, 5]);
    table.free_row(rows[2]);
    check(&table, &[0, 4, 1, 3, 5]);
    table.show(&[rows[2]], None);
    table.set_order(vec![rows[5], rows[0], rows[5], rows[2], rows[3], RowIx(99)]);
    check(&table, &[5, 0, 3]);
    assert_eq!(table.find_id(IdRef::Text("1")), Some(rows[1]));
    table.show(&[rows[1]], Some(1000));
    check(&table, &[5, 0, 3, 1]);
}

#[test]
fn ids_follow_their_rows_and_a_visible_row_is_found_first() {
    let mut table = table();
    let first = add(&mut table, Value::Number(4037.0), 0.0, 1.0);
    assert_eq!(table.find_id(IdRef::Text("4037")), Some(first));
    table.hide(&[first]);
    let second = add(&mut table, Value::Text("4037"), 0.0, 1.0);
    assert_eq!(table.find_id(4037.0.into()), Some(second));
    assert!(table.same_id(table.cell(first, ID), table.cell(second, ID)));
    assert!(!table.same(table.cell(first, ID), table.cell(second, ID)));
    table.free_row(second);
    assert_eq!(table.find_id("4037".into()), Some(first));
    let uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
    let cell = table.make_cell(Value::Text(uuid));
    table.set_cell(first, ID, cell);
    assert_eq!(table.find_id("4037".into()), None);
    assert_eq!(table.find_id(uuid.into()), Some(first));
    table.set_cell(first, ID, Cell::NULL);
    assert_eq!(table.find_id(uuid.into()), None);
    let handles: Vec<RowIx> = (0..5000)
        .map(|id| add(&mut table, Value::Number(f64::from(id)), 0.0, 1.0))
        .collect();
    for (id, row) in handles.iter().enumerate() {
        assert_eq!(table.find_id(IdRef::Text(&id.to_string())), Some(*row));
    }
}

#[test]
fn a_range_follows_edits_and_shows_visible_rows_only() {
    let mut table = table();
    let a = add(&mut table, Value::Number(1.0), 10.0, 20.0);
    let b = add(&mut table, Value::Number(2.0), 15.0, 15.0);
    let c = add(&mut table, Value::Number(3.0), 5.0, 1000.0);
    assert_eq!(table.range(0.0, 100.0), [c, a, b]);
    assert_eq!(table.range(20.0, 30.0), [c]);
    assert_eq!(table.range(15.0, 16.0), [c, a, b]);
    assert_eq!(table.range(14.0, 15.0), [c, a]);
    table.set_cell(a, START, Cell::number(1.0));
    assert_eq!(table.range(0.0, 100.0), [a, c, b]);
    table.hide(&[c]);
    assert_eq!(table.range(0.0, 100.0), [a, b]);
    table.show(&[c], Some(0));
    assert_eq!(table.range(0.0, 100.0), [a, c, b]);
    table.set_cell(a, END, Cell::NULL);
    assert_eq!(table.range(0.5, 1.0), []);
    assert_eq!(table.range(1.0, 2.0), [a]);
    let nonsense = table.make_cell(Value::Text("nonsense"));
    table.set_cell(a, START, nonsense);
    table.free_row(b);
    assert_eq!(table.range(0.0, 100.0), [c]);
    assert_eq!(table.range(f64::NAN, f64::NAN), []);
    assert_eq!(table.range(f64::NEG_INFINITY, f64::INFINITY), [c]);
    table.set_order(vec![]);
    assert_eq!(table.range(0.0, 100.0), []);
}

#[test]
fn compaction_keeps_what_is_alive_in_columns_and_outside() {
    let mut table = table();
    let rows: Vec<RowIx> = (0..500)
        .map(|id| add(&mut table, Value::Number(f64::from(id)), 0.0, 1.0))
        .collect();
    let mut outside = table.make_cell(Value::Text("what somebody else holds on to"));
    let mut json = table.make_cell(Value::Json("[\"é\",1]"));
    for round in 0..20 {
        for row in &rows {
            table.release(table.cell(*row, NAME));
            let text = format!("the name of row {} in round {round}", row.0);
            let cell = table.make_cell(Value::Text(&text));
            table.set_cell(*row, NAME, cell);
        }
        table.compact_if_worth(&mut |visit| {
            visit(&mut outside);
            visit(&mut json);
        });
        for row in &rows {
            let text = format!("the name of row {} in round {round}", row.0);
            assert_eq!(table.text(table.cell(*row, NAME)), Some(text.as_str()));
        }
    }
    assert_eq!(table.text(outside), Some("what somebody else holds on to"));
    assert_eq!(table.value(json), Value::Json("[\"é\",1]"));
    // Twenty rounds of 17 kB each would be 340 kB.
    assert!(table.bytes() < 200_000, "{}", table.bytes());
}

#[test]
fn cells_are_the_same_by_content_also_across_tables() {
    let (mut one, mut two) = (table(), table());
    let long = "a text that is longer than what is kept once";
    let [a, b] = [(); 2].map(|()| one.make_cell(Value::Text(long)));
    assert_ne!(a, b);
    assert!(one.same(a, b));
    two.make_cell(Value::Text("something else before it"));
    let copied = two.copy_cell(&one, a);
    assert!(one.same_in(a, &two, copied));
    let json = one.make_cell(Value::Json(r#"{"a":1,"b":[true]}"#));
    let same = two.make_cell(Value::Json(r#"{"b": [true], "a": 1}"#));
    let other = two.make_cell(Value::Json(r#"{"b": [false], "a": 1}"#));
    let text = two.make_cell(Value::Text(r#"{"a":1,"b":[true]}"#));
    assert!(one.same_in(json, &two, same));
    assert!(!one.same_in(json, &two, other));
    assert!(!one.same_in(json, &two, text));
    assert!(!one.same(Cell::NULL, Cell::ABSENT));
    assert_eq!(two.copy_cell(&one, Cell::TRUE), Cell::TRUE);
}

#[test]
fn a_field_made_later_is_absent_in_every_row() {
    let mut table = table();
    let row = add(&mut table, Value::Number(1.0), 0.0, 1.0);
    let field = table
        .ensure_field(Field::new("later", FieldKind::Integer))
        .unwrap();
    assert_eq!(table.cell(row, field), Cell::ABSENT);
    let cell = table.make_field_cell(field, Value::Text("12"), &Zone::default());
    table.set_cell(row, field, cell);
    assert_eq!(table.cell(row, field), Cell::number(12.0));
}
