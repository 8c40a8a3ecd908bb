//! How long a load answer takes from bytes to rows that can be asked for: `cargo run --release
//! --example load`.
#![allow(clippy::print_stdout)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use syncline::engine::json::{PackBuffer, ResponseReader, Rows, SectionSpec, pack};
use syncline::engine::schema::{DateFormat, Field, FieldIx, FieldKind, Schema, Zone};
use syncline::engine::table::IdRef;

/// A calendar's fields.
fn spec() -> SectionSpec {
    let mut schema = Schema::new(Field::new("id", FieldKind::Auto));
    let mut field = |name: &str, kind| schema.ensure(Field::new(name, kind));
    field("name", FieldKind::Text);
    let start = field("startDate", FieldKind::Date(DateFormat::IsoOffset));
    let end = field("endDate", FieldKind::Date(DateFormat::IsoOffset));
    field("resourceId", FieldKind::Auto);
    field("allDay", FieldKind::Boolean);
    schema.interval = start.zip(end);
    SectionSpec {
        name: "events".into(),
        schema,
        first_generation: 1,
        phantom_id_field: "$PhantomId".into(),
        phantom_parent_id_field: "$PhantomParentId".into(),
    }
}

/// An answer of `count` events, about 265 bytes each; with `ascii` what isn't ASCII is escaped.
pub fn answer(count: u32, ascii: bool) -> String {
    let names = [
        "Übergabe mit Frau Müller",
        "Rendez-vous à l’école",
        "打ち合わせ 企画部 第三会議室",
    ];
    let notes = [
        "Bring the signed contract and two copies of the plan",
        "Please call before, the door bell is broken since Monday",
        "Second visit \\\"urgent\\\",\\nask for the keys at the desk",
    ];
    let colors = ["red", "green", "blue", "orange", "deep-purple"];
    let kinds = ["meeting", "appointment", "travel", "focus time"];
    let mut seed = 12345u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let mut text =
        String::from("{\"success\":true,\"requestId\":17228564331330,\"events\":{\"rows\":[");
    for id in 1..=count {
        let name = match random(100) {
            0..29 => names[random(3) as usize].to_owned() + &format!(" {id}"),
            _ => format!("Meeting with customer {id} in room {}", random(40)),
        };
        let (month, day, hour) = (1 + random(12), 1 + random(28), 7 + random(12));
        let note = notes[if random(100) < 5 {
            2
        } else {
            random(2) as usize
        }];
        let mut row = String::new();
        let _ = write!(
            row,
            "{{\"id\":{id},\"name\":\"{name}\",\"startDate\":\"2026-{month:02}-{day:02}T{hour:02}:30:00\",\
             \"endDate\":\"2026-{month:02}-{day:02}T{:02}:15:00\",\"resourceId\":\"r{}\",\"allDay\":{},\
             \"notes\":\"{note} #{id}\",\"color\":\"{}\",\"eventType\":\"{}\",\"priority\":{}}}",
            hour + 1,
            random(200),
            random(10) == 0,
            colors[random(5) as usize],
            kinds[random(4) as usize],
            random(5),
        );
        if ascii {
            for unit in row.encode_utf16() {
                match u8::try_from(unit) {
                    Ok(byte) if byte < 0x80 => text.push(char::from(byte)),
                    _ => {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
            }
        } else {
            text.push_str(&row);
        }
        text.push(if id < count { ',' } else { ']' });
    }
    text.push_str("}}");
    text
}

/// A reader in a zone that changes its clocks.
pub fn reader() -> ResponseReader {
    let transitions = vec![
        (1_743_296_400_000.0, 7_200_000.0),
        (1_761_440_400_000.0, 3_600_000.0),
        (1_774_746_000_000.0, 7_200_000.0),
        (1_792_890_000_000.0, 3_600_000.0),
    ];
    ResponseReader::new(vec![spec()], Zone { transitions })
}

fn load(bytes: &[u8]) -> Rows {
    let mut reader = reader();
    for chunk in bytes.chunks(128 << 10) {
        reader.feed(chunk).expect("the answer is right");
    }
    let response = reader.finish().expect("the answer is whole");
    let section = response.sections.into_iter().next();
    section
        .and_then(|section| section.rows)
        .expect("there are rows")
}

/// The median of some runs, in ms.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    for count in [10_000, 100_000] {
        for ascii in [false, true] {
            let text = answer(count, ascii);
            let bytes = text.as_bytes();
            let what = if ascii { "ASCII" } else { "mixed" };
            println!(
                "{count} rows, {what}, {} bytes each",
                bytes.len() / count as usize
            );
            let utf8 = median(|| {
                let _ = black_box(str::from_utf8(black_box(bytes)));
            });
            let read = median(|| drop(black_box(load(bytes))));
            let mut rows = load(bytes);
            println!("  UTF-8 check alone   {utf8:7.2} ms");
            println!("  read, ids           {read:7.2} ms");
            let week = 1_773_000_000_000.0..1_773_604_800_000.0;
            let start = Instant::now();
            let hits = rows.table.range(week.start, week.end).len();
            println!(
                "  interval index      {:7.2} ms",
                start.elapsed().as_secs_f64() * 1e3
            );
            let again = median(|| {
                for _ in 0..1000 {
                    black_box(rows.table.range(black_box(week.start), week.end));
                }
            });
            println!("  a week              {again:7.2} us ({hits} rows)");
            let find = median(|| {
                for id in 0..count {
                    black_box(rows.table.find_id(IdRef::Number(f64::from(id))));
                }
            });
            println!(
                "  find by id          {:7.1} ns",
                find * 1e6 / f64::from(count)
            );
            let order = rows.table.order().to_vec();
            let fields: Vec<FieldIx> = (0..10).map(FieldIx).collect();
            let mut buffer = PackBuffer::default();
            let packed = median(|| {
                for block in order.chunks(200) {
                    pack(&rows.table, block, &fields, &mut buffer);
                    black_box(&buffer);
                }
            });
            println!(
                "  pack                {:7.1} ns a row",
                packed * 1e6 / f64::from(count)
            );
            println!(
                "  memory              {:7.2} MB",
                rows.table.bytes() as f64 / 1e6
            );
        }
    }
}
