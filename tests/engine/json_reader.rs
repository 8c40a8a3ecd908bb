//! The reader of responses against serde_json, which it has to agree with.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use syncline::engine::json::{
    ReadErrorKind, Response, ResponseReader, Rows, SectionSpec, dom, read_rows,
};
use syncline::engine::schema::{DateFormat, Field, FieldIx, FieldKind, Schema, Zone};
use syncline::engine::table::{IdRef, RowIx};
use syncline::engine::value::{Value, write_number};

fn spec_of(schema: Schema) -> SectionSpec {
    SectionSpec {
        name: "events".into(),
        schema,
        first_generation: 1,
        phantom_id_field: "$PhantomId".into(),
        phantom_parent_id_field: "$PhantomParentId".into(),
    }
}

fn spec() -> SectionSpec {
    spec_of(Schema::new(Field::new("id", FieldKind::Auto)))
}

fn tree_spec() -> SectionSpec {
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    schema.parent = schema.ensure(Field::new("parentId", FieldKind::Auto));
    spec_of(schema)
}

fn read_in_pieces(
    bytes: &[u8],
    pieces: impl IntoIterator<Item = usize>,
    spec: &SectionSpec,
) -> Result<Response, ReadErrorKind> {
    let mut reader = ResponseReader::new(vec![spec.clone()], Zone::default());
    let mut rest = bytes;
    for piece in pieces {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        reader.feed(now).map_err(|error| error.kind)?;
        rest = later;
    }
    reader.feed(rest).map_err(|error| error.kind)?;
    reader.finish().map_err(|error| error.kind)
}

fn read(text: &str) -> Result<Response, ReadErrorKind> {
    read_in_pieces(text.as_bytes(), [], &spec())
}

fn rows(text: &str, spec: &SectionSpec) -> Rows {
    read_rows(text.as_bytes(), spec, &Zone::default()).unwrap()
}

/// A row of a table as JSON, absent fields left out, whole numbers without a fraction.
fn row_json(rows: &Rows, row: RowIx) -> Json {
    let mut record = Json::Object(Map::new());
    for (at, field) in rows.table.schema().fields().iter().enumerate() {
        let value = match rows.table.value(rows.table.cell(row, FieldIx(at as u16))) {
            Value::Absent => continue,
            Value::Null => Json::Null,
            Value::Bool(bool) => Json::Bool(bool),
            Value::Number(number) => double(number),
            Value::Text(text) => text.into(),
            Value::Json(digits) if digits.parse::<f64>().is_ok() => digits.into(),
            Value::Json(text) => serde_json::from_str(text).unwrap(),
        };
        let mut place = &mut record;
        for name in &field.path {
            place = &mut place[name.as_str()];
        }
        *place = value;
    }
    record
}

fn double(number: f64) -> Json {
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => json!(number as i64),
        false => json!(number),
    }
}

fn all_json(rows: &Rows) -> Json {
    let order = rows.table.order().iter();
    order.map(|row| row_json(rows, *row)).collect()
}

/// Whether a number is whole, and JavaScript would write another.
fn is_lossy(digits: &str) -> bool {
    let mut written = Vec::new();
    write_number(digits.parse().unwrap(), &mut written);
    let nearest: f64 = digits.parse().unwrap();
    nearest.abs() >= 9_007_199_254_740_992.0
        && !digits.contains(['.', 'e', 'E'])
        && written != digits.as_bytes()
}

/// What the reader should make of a list: top-level numbers as the nearest doubles, those that no
/// double holds as their digits, nested values as they are.
fn expected(list: &[Json]) -> Json {
    let value = |value: &Json| match value {
        Json::Number(number) if is_lossy(&number.to_string()) => number.to_string().into(),
        Json::Number(number) => double(number.to_string().parse().unwrap()),
        other => reread(other),
    };
    let objects = list.iter().filter_map(Json::as_object);
    objects
        .map(|object| {
            let members = object
                .iter()
                .map(|(key, member)| (key.clone(), value(member)));
            Json::Object(members.collect())
        })
        .collect()
}

/// Whether both say the same. serde_json doesn't read every number as the nearest double.
fn alike(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= a.abs() * 1e-14
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let mut members = a.iter().zip(b);
            a.len() == b.len() && members.all(|(a, b)| a.0 == b.0 && alike(a.1, b.1))
        }
        _ => a == b,
    }
}

/// A member of the envelope.
fn member(response: &Response, name: &str) -> Json {
    let member = response.envelope.get(name).unwrap();
    serde_json::from_str(&member.to_json()).unwrap()
}

/// What serde_json makes of its own text: it doesn't read every number as the nearest double.
fn reread(json: &Json) -> Json {
    serde_json::from_str(&json.to_string()).unwrap()
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,20}",
        "[ -~]{0,30}",
        proptest::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter),
    ]
}

fn any_number() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<i32>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1_000_000i64..1_000_000, 0..7u32)
            .prop_map(|(digits, decimals)| json!(digits as f64 / 10f64.powi(decimals as i32))),
        proptest::num::f64::NORMAL.prop_map(Json::from),
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any_number(),
        any_text().prop_map(Json::String),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            proptest::collection::btree_map(any_text(), inner, 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Json> {
    let key = prop_oneof![
        4 => "[a-h]",
        2 => Just("a rather long key of a member".to_owned()),
        1 => Just("__proto__".to_owned()),
        1 => any_text(),
    ];
    let members = proptest::collection::btree_map(key, any_json(), 0..8);
    (0..1_000_000u32, members).prop_map(|(id, members)| {
        let taken = ["id", "success", "error", "$PhantomId", "$PhantomParentId"];
        let members = members.into_iter();
        let members = members.filter(|(key, _)| !taken.contains(&key.as_str()));
        let mut record: Map<String, Json> = members.collect();
        record.insert("id".into(), id.into());
        Json::Object(record)
    })
}

fn any_list() -> impl Strategy<Value = Vec<Json>> {
    let item = prop_oneof![20 => any_record(), 1 => any_json().prop_filter("no record", |json| !json.is_object())];
    proptest::collection::vec(item, 0..12).prop_map(|mut list| {
        let mut seen = std::collections::BTreeSet::new();
        list.retain(|item| item.get("id").is_none_or(|id| seen.insert(id.to_string())));
        list
    })
}

/// Puts blanks between tokens and writes some characters as escapes, which changes nothing.
fn dressed(json: &Json, pretty: bool, escape: bool) -> String {
    let text = match pretty {
        true => serde_json::to_string_pretty(json).unwrap(),
        false => json.to_string(),
    };
    if !escape {
        return text;
    }
    let mut dressed = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte < 0x80 => dressed.push(char::from(byte)),
            _ => dressed.push_str(&format!("\\u{unit:04X}")),
        }
    }
    dressed
}

/// Whether serde_json's refusal is about something that JSON itself allows.
fn is_legal_after_all(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    ["surrogate", "hex escape", "out of range"]
        .iter()
        .any(|what| text.contains(what))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn records_are_what_serde_json_reads_whatever_the_pieces(
        list in any_list(),
        pretty in any::<bool>(),
        escape in any::<bool>(),
        pieces in proptest::collection::vec(1..40usize, 0..60),
        other in any_json(),
    ) {
        let body = json!({"success": true, "other": other, "events": {"rows": list, "total": 3}});
        let text = dressed(&body, pretty, escape);
        let response = read_in_pieces(text.as_bytes(), pieces, &spec()).unwrap();
        let section = &response.sections[0];
        prop_assert_eq!(all_json(section.rows.as_ref().unwrap()), expected(&list));
        prop_assert_eq!(section.total, Some(3.0));
        prop_assert!(alike(&member(&response, "other"), &body["other"]));
        let odd = list.iter().filter(|item| !item.is_object()).count();
        prop_assert_eq!(response.warnings.len(), odd);
    }

    #[test]
    fn broken_documents_are_refused_exactly_where_serde_json_refuses_them(
        list in any_list(),
        pretty in any::<bool>(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0..4u8, any::<u8>()), 1..4),
        pieces in proptest::collection::vec(1..40usize, 0..60),
    ) {
        let mut bytes = dressed(&json!({"events": list, "x": [1, {"y": "z"}]}), pretty, false).into_bytes();
        for (at, what, byte) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"{}[],:\"\\ 01eE.-tfnu"[usize::from(byte) % 19]),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        let ours = read_in_pieces(&bytes, pieces, &spec());
        let whole = dom::Value::parse(&bytes);
        match serde_json::from_slice::<Json>(&bytes) {
            Ok(json) => {
                let written = serde_json::from_str::<Json>(&whole.unwrap().to_json()).unwrap();
                prop_assert!(alike(&written, &json), "{written} {json}");
            }
            Err(error) if is_legal_after_all(&error) => {}
            Err(error) => prop_assert!(whole.is_err(), "{error}: {}", String::from_utf8_lossy(&bytes)),
        }
        match serde_json::from_slice::<Json>(&bytes) {
            Ok(Json::Object(_)) => prop_assert!(ours.is_ok(), "{ours:?}"),
            Ok(_) => prop_assert!(ours.is_err()),
            Err(error) if is_legal_after_all(&error) => {}
            Err(error) => prop_assert!(ours.is_err(), "{error}: {}", String::from_utf8_lossy(&bytes)),
        }
    }

    #[test]
    fn no_bytes_whatsoever_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        json_like in "[{}\\[\\],:\"\\\\ 0-9eE.\\-a-z]{0,200}",
    ) {
        let _ = read_in_pieces(&bytes, [], &spec());
        let _ = read_in_pieces(json_like.as_bytes(), [3, 5], &tree_spec());
        let like_rows = format!("{{\"events\":[{{\"id\":{json_like}");
        let _ = read_in_pieces(like_rows.as_bytes(), [], &tree_spec());
    }

    #[test]
    fn numbers_are_the_double_that_is_nearest_or_keep_their_digits(digits in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
        let read = rows(&format!("[{{\"id\":1,\"n\":{digits}}}]"), &spec());
        let value = read.table.value(read.table.cell(RowIx(0), FieldIx(1)));
        let nearest: f64 = digits.parse().unwrap();
        match nearest.is_finite() {
            _ if is_lossy(&digits) => prop_assert_eq!(value, Value::Json(&digits)),
            true => prop_assert_eq!(value, Value::Number(nearest)),
            false => prop_assert_eq!(value, Value::Null),
        }
    }
}

#[test]
fn members_without_a_comma_between_them_are_refused_also_where_the_next_key_is_expected() {
    let good = r#"{"events":[{"id":1,"f":{},"n":1},{"id":2,"f":{},"n":2}]}"#;
    assert!(read(good).is_ok());
    for (from, to) in [
        ("{},\"n\":2", "{}\"n\":2"),
        ("2,\"f\"", "2\"f\""),
        ("2,\"f\"", "2 \"f\""),
    ] {
        let broken = good.replace(from, to);
        assert_ne!(broken, good);
        assert!(read(&broken).is_err(), "{broken}");
    }
}

#[test]
fn every_cut_into_two_pieces_gives_the_same() {
    let text = "\u{feff} {\"message\":\"日本 \\ud83d\\ude00\",\"events\":{\"rows\":[{\"id\":1,\"n\":-12.5e2,\"t\":\"Zoë 😀 \\u00e9\"},\
                {\"id\":\"x\",\"n\":true,\"o\":{\"a\":[1, 2]}}],\"removed\":[{\"id\":5},6,\"7\"],\"total\":\"12\"}} ";
    let whole = read(text).unwrap();
    for cut in 0..=text.len() {
        let parts = read_in_pieces(text.as_bytes(), [cut], &spec()).unwrap();
        assert_eq!(parts.envelope, whole.envelope, "cut at {cut}");
        let [a, b] = [&parts, &whole].map(|response| {
            let section = &response.sections[0];
            assert_eq!(section.total, Some(12.0));
            [&section.rows, &section.removed].map(|rows| all_json(rows.as_ref().unwrap()))
        });
        assert_eq!(a, b, "cut at {cut}");
    }
    let single = read_in_pieces(text.as_bytes(), vec![1; text.len()], &spec()).unwrap();
    assert_eq!(member(&single, "message"), json!("日本 😀"));
}

#[test]
fn a_large_record_in_tiny_pieces_takes_linear_time() {
    let large = "x".repeat(2_000_000);
    let text = format!("{{\"events\":[{{\"id\":1,\"t\":\"{large}\"}}]}}");
    let pieces = vec![16; text.len() / 16];
    let response = read_in_pieces(text.as_bytes(), pieces, &spec()).unwrap();
    let rows = response.sections[0].rows.as_ref().unwrap();
    assert_eq!(
        rows.table.text(rows.table.cell(RowIx(0), FieldIx(1))),
        Some(large.as_str())
    );
}

#[test]
fn every_shape_of_a_section_is_understood() {
    for text in [
        r#"{"events":{"rows":[{"id":1}]}}"#,
        r#"{"events":{"data":[{"id":1}]}}"#,
        r#"{"events":{"data":{"rows":[{"id":1}],"total":1}}}"#,
        r#"{"events":[{"id":1}]}"#,
    ] {
        let response = read(text).unwrap();
        let section = &response.sections[0];
        assert!(section.present);
        assert_eq!(
            all_json(section.rows.as_ref().unwrap()),
            json!([{"id": 1}]),
            "{text}"
        );
    }
    for (text, present) in [
        (r#"{"events":{}}"#, true),
        (r#"{"events":null}"#, false),
        (r#"{"success":true}"#, false),
        (r#"{"events":{"removed":[{"id":1}]}}"#, true),
        (r#"{"events":7}"#, false),
        (r#"{"events":{"rows":null,"data":{}}}"#, true),
    ] {
        let response = read(text).unwrap();
        assert_eq!(response.sections[0].present, present, "{text}");
        assert!(response.sections[0].rows.is_none(), "{text}");
    }
    let text =
        r#"{"events":{"added":[{"id":1}],"modified":[{"id":2},{"id":3}]},"later":{"rows":[1]}}"#;
    let response = read(text).unwrap();
    let section = &response.sections[0];
    assert_eq!(section.added.as_ref().unwrap().table.order().len(), 1);
    assert_eq!(section.updated.as_ref().unwrap().table.order().len(), 2);
    assert_eq!(member(&response, "later"), json!({"rows": [1]}));
}

#[test]
fn what_is_no_answer_is_refused_with_what_is_wrong() {
    for (text, kind) in [
        ("", ReadErrorKind::Empty),
        (" \n", ReadErrorKind::Empty),
        ("\u{feff}", ReadErrorKind::Empty),
        ("<!DOCTYPE html><html></html>", ReadErrorKind::NotJson),
        (
            "Warning: mysql_connect() {\"success\":true}",
            ReadErrorKind::NotJson,
        ),
        ("null", ReadErrorKind::NotJson),
        ("[]", ReadErrorKind::NotJson),
        ("{\"events\":[{\"id\":1}", ReadErrorKind::Incomplete),
        ("{\"events\":[{\"id\":1", ReadErrorKind::Incomplete),
        ("{\"events\":[{\"id\":\"abc", ReadErrorKind::Incomplete),
        ("{\"events\":[{\"id\":1,}]}", ReadErrorKind::Syntax),
        ("{\"events\":[{\"id\":1}{}]}", ReadErrorKind::Syntax),
        ("{\"events\":[{\"id\":01}]}", ReadErrorKind::Syntax),
        ("{\"events\":[{\"id\":\"a\nb\"}]}", ReadErrorKind::Syntax),
        ("{} x", ReadErrorKind::Trailing),
        ("{}{}", ReadErrorKind::Trailing),
    ] {
        assert_eq!(read(text).unwrap_err(), kind, "{text}");
    }
    let broken = read_in_pieces(b"{\"events\":[{\"id\":\"\xC3(\"}]}", [], &spec());
    assert_eq!(broken.unwrap_err(), ReadErrorKind::Encoding);
    let cut = read_in_pieces(b"{\"events\":[{\"id\":\"\xC3", [], &spec());
    assert_eq!(cut.unwrap_err(), ReadErrorKind::Encoding);
    let latin = read_in_pieces(b"{\"events\":[{\"id\":\"\xE9t\xE9\"}]}", [18, 1], &spec());
    assert_eq!(latin.unwrap_err(), ReadErrorKind::Encoding);
}

#[test]
fn ten_megabytes_of_nesting_are_refused_not_followed() {
    let deep = |open: &str| open.repeat(10_000_000 / open.len());
    for (text, spec) in [
        (format!("{{\"x\":{}", deep("[")), spec()),
        (format!("{{\"x\":{}", deep("{\"a\":")), spec()),
        (
            format!("{{\"events\":{{\"data\":{}", deep("{\"data\":")),
            spec(),
        ),
        (
            format!("{{\"events\":[{{\"id\":1,\"deep\":{}", deep("[")),
            spec(),
        ),
        (
            format!("{{\"events\":[{}", deep("{\"children\":[")),
            tree_spec(),
        ),
    ] {
        let error = read_in_pieces(text.as_bytes(), [], &spec).unwrap_err();
        assert_eq!(error, ReadErrorKind::TooDeep, "{}", &text[..40]);
    }
    assert_eq!(read(&deep("[")).unwrap_err(), ReadErrorKind::NotJson);
}

#[test]
fn of_records_with_one_id_the_last_counts() {
    let response =
        read(r#"{"events":[{"id":1,"n":"a"},{"id":2},{"id":"1","n":"b"},{"n":"c"},{"id":null}]}"#);
    let response = response.unwrap();
    let rows = response.sections[0].rows.as_ref().unwrap();
    let expected = json!([{"id": 2}, {"id": "1", "n": "b"}, {"n": "c"}, {"id": null}]);
    assert_eq!(all_json(rows), expected);
    assert_eq!(response.warnings.len(), 1);
    let found = rows.table.find_id(IdRef::Number(1.0)).unwrap();
    assert_eq!(rows.table.position(found), Some(1));
}

#[test]
fn nested_children_become_rows_that_know_their_parent() {
    let text = r#"[{"id":1,"children":[{"id":2,"children":[{"id":"x"}],"name":"b"},{"id":3,"children":null}],"name":"a"},
        {"children":[{"name":"no id above"}]},{"id":5,"children":true},{"id":6,"parentId":5,"children":[]}]"#;
    {
        let spec = tree_spec();
        let read = rows(text, &spec);
        let expected = json!([
            {"id": 1, "name": "a"}, {"id": 2, "name": "b", "parentId": 1}, {"id": "x", "parentId": 2},
            {"id": 3, "parentId": 1}, {}, {"name": "no id above"}, {"id": 5}, {"id": 6, "parentId": 5},
        ]);
        assert_eq!(all_json(&read), expected);
        let nested: Vec<(u32, u32)> = read.nested.iter().map(|(a, b)| (a.0, b.0)).collect();
        assert_eq!(nested, [(1, 0), (2, 1), (3, 0), (5, 4)]);
    }
    // Cut anywhere, also within and behind the children.
    let body = format!("{{\"events\":{text}}}");
    for cut in 0..body.len() {
        let response = read_in_pieces(body.as_bytes(), [cut, 1], &tree_spec()).unwrap();
        let read = response.sections[0].rows.as_ref().unwrap();
        assert_eq!(
            all_json(read),
            all_json(&rows(text, &tree_spec())),
            "cut at {cut}"
        );
        assert_eq!(read.nested.len(), 4);
    }
    // In a store that is no tree, they are a member like others.
    assert_eq!(rows(text, &spec()).table.order().len(), 4);
}

#[test]
fn dotted_paths_read_members_of_nested_objects() {
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    for (name, path) in [
        ("city", "address.city"),
        ("code", "address.geo.code"),
        ("title", "name"),
    ] {
        let mut field = Field::new(name, FieldKind::Text);
        field.path = path.split('.').map(Into::into).collect();
        schema.ensure(field);
    }
    let spec = spec_of(schema);
    let text = r#"[{"id":1,"name":"n","address":{"city":"Bonn","geo":{"code":5,"x":1.5},"zip":"53111"}},
        {"id":2,"address":null},{"id":3,"address":{"city":null, "geo" : "odd"}},{"id":4,"title":"taken"},{"id":5,"address":7}]"#;
    let read = rows(text, &spec);
    let expected = json!([
        {"id": 1, "name": "n", "address": {"city": "Bonn", "geo": {"code": "5", "x": 1.5}, "zip": "53111"}},
        {"id": 2, "address": {"city": null, "geo": {"code": null, "x": null}, "zip": null}},
    ]);
    assert_eq!(row_json(&read, RowIx(0)), expected[0]);
    assert_eq!(row_json(&read, RowIx(1)), expected[1]);
    let city = read.table.schema().find("city").unwrap();
    assert_eq!(
        read.table.value(read.table.cell(RowIx(2), city)),
        Value::Null
    );
    let odd = read.table.schema().find("address.geo").unwrap();
    assert_eq!(
        read.table.value(read.table.cell(RowIx(2), odd)),
        Value::Text("odd")
    );
    let whole = read.table.schema().find("address").unwrap();
    assert_eq!(
        read.table.value(read.table.cell(RowIx(4), whole)),
        Value::Number(7.0)
    );
    assert_eq!(row_json(&read, RowIx(3)), json!({"id": 4}));
    assert_eq!(read.warnings.len(), 1);
}

#[test]
fn values_are_read_as_the_kind_of_their_field() {
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    for (name, kind) in [
        ("text", FieldKind::Text),
        ("number", FieldKind::Number),
        ("integer", FieldKind::Integer),
        ("yes", FieldKind::Boolean),
        ("when", FieldKind::Date(DateFormat::IsoOffset)),
        ("day", FieldKind::Date(DateFormat::DateOnly)),
        (
            "german",
            FieldKind::Date(DateFormat::Pattern("DD.MM.YYYY".into())),
        ),
    ] {
        schema.ensure(Field::new(name, kind));
    }
    let spec = spec_of(schema);
    let text = r#"[
        {"id":1,"text":5,"number":"1.5","integer":2.5,"yes":1,"when":"1970-01-01T00:00:01Z","day":"1970-01-02T23:00:00+09:00","german":"03.01.1970"},
        {"id":2,"text":true,"number":true,"integer":"7","yes":"0","when":"1970-01-01T00:00:01.\u0035Z","day":"1970-01-02","german":"1970-01-03"},
        {"id":3,"text":null,"number":"","integer":null,"yes":null,"when":"nonsense","day":"0000-00-00","german":5}]"#;
    let expected = json!([
        {"id": 1, "text": "5", "number": 1.5, "integer": 3, "yes": true, "when": 1000, "day": 86400000, "german": 172800000},
        {"id": 2, "text": "true", "number": 1, "integer": 7, "yes": false, "when": 1500, "day": 86400000, "german": 172800000},
        {"id": 3, "text": null, "number": null, "integer": null, "yes": null, "when": "nonsense", "day": "0000-00-00", "german": 0},
    ]);
    assert_eq!(all_json(&rows(text, &spec)), expected);
}

#[test]
fn what_the_server_says_of_single_records_stands_aside() {
    let text = r#"[{"$PhantomId":"p-1","id":7,"success":true},{"id":8,"error":{"message":"no"},"success":false},
        {"id":9,"error":"why","$PhantomParentId":"p-1"},{"id":10,"error":12,"success":"x"},{"id":11,"$PhantomId":null}]"#;
    let read = rows(text, &spec());
    let expected = json!([{"id": 7}, {"id": 8}, {"id": 9}, {"id": 10, "error": 12, "success": "x"}, {"id": 11}]);
    assert_eq!(all_json(&read), expected);
    assert_eq!(read.phantom_ids, [(RowIx(0), "p-1".into())]);
    assert_eq!(read.phantom_parent_ids, [(RowIx(2), "p-1".into())]);
    let outcomes: Vec<_> = read
        .outcomes
        .iter()
        .map(|(row, o)| (row.0, o.success, o.error.as_deref()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (0, Some(true), None),
            (1, Some(false), Some("no")),
            (2, None, Some("why"))
        ]
    );
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    schema.ensure(Field::new("error", FieldKind::Text));
    let read = rows(r#"[{"id":1,"error":"my field"}]"#, &spec_of(schema));
    assert_eq!(all_json(&read), json!([{"id": 1, "error": "my field"}]));
    assert!(read.outcomes.is_empty());
}

#[test]
fn a_hostile_answer_makes_no_more_fields_than_the_limit() {
    let members: Vec<String> = (0..3000)
        .map(|n| format!("{{\"id\":{n},\"k{n}\":{n}}}"))
        .collect();
    let text = format!("{{\"events\":[{}]}}", members.join(","));
    let response = read(&text).unwrap();
    let rows = response.sections[0].rows.as_ref().unwrap();
    assert_eq!(rows.table.schema().len(), 1024);
    assert_eq!(rows.table.order().len(), 3000);
    assert_eq!(
        row_json(rows, RowIx(1022)),
        json!({"id": 1022, "k1022": 1022})
    );
    assert_eq!(row_json(rows, RowIx(2999)), json!({"id": 2999}));
    assert!(response.warnings.len() <= 21, "{}", response.warnings.len());
}

#[test]
fn hostile_keys_are_names_like_others() {
    let text = r#"[{"id":1,"__proto__":{"a":1},"constructor":2,"":3,"a\"b":4,"\u006eame":"n"},{"id":2,"name":"m","a\"b":5}]"#;
    let read = rows(text, &spec());
    assert_eq!(all_json(&read), serde_json::from_str::<Json>(text).unwrap());
    assert!(read.table.schema().find("__proto__").is_some());
    // Of a key that stands twice, the last counts.
    let read = rows(r#"[{"id":1,"a":1,"a":2}]"#, &spec());
    assert_eq!(all_json(&read), json!([{"id": 1, "a": 2}]));
}

#[test]
fn a_member_of_the_envelope_that_is_too_large_is_left_out_with_a_warning() {
    let large = "x".repeat(300_000);
    let text = format!("{{\"stranger\":{{\"rows\":[\"{large}\"]}},\"revision\":5,\"events\":[]}}");
    let response = read_in_pieces(text.as_bytes(), vec![1000; 400], &spec()).unwrap();
    assert_eq!(response.envelope.get("stranger"), None);
    assert_eq!(member(&response, "revision"), json!(5));
    assert_eq!(response.warnings.len(), 1);
    assert!(response.sections[0].rows.is_some());
}

#[test]
fn a_reader_that_has_failed_stays_failed() {
    let mut reader = ResponseReader::new(vec![spec()], Zone::default());
    let first = reader.feed(b"{x").unwrap_err();
    assert_eq!(reader.feed(b"{}").unwrap_err(), first);
    assert_eq!(reader.finish().unwrap_err(), first);
}
