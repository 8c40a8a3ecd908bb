//! Loading what is wanted and isn't there: spans of time, chunks of rows, children of a record.
//! What was loaded is remembered; what is on its way isn't asked for again; rows come on top of
//! what is there, edits stay.

use super::context::Context;
use super::exchange::{Detail, Exchange};
use super::load::NextLoad;
use super::manager::Manager;
use super::package::LoadOptions;
use crate::engine::config::LazyConfig;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::CallId;
use crate::engine::json::Response;
use crate::engine::json::dom::{Members, Value};
use crate::engine::number::floor;
use crate::engine::schema::{DateFormat, Zone};
use crate::prelude::*;

/// Most areas that are remembered. Neighbours become one, so that only somebody who jumps about
/// gets here; the oldest is forgotten then, and loaded again when it is wanted.
const AREAS_MAX: usize = 1_000;

/// Rows and times: `from` is in it, `to` isn't.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    rows: (f64, f64),
    dates: (f64, f64),
}

/// What somebody wants to be there.
#[derive(Debug)]
pub(super) struct Wish {
    call: Option<CallId>,
    area: Area,
    /// The id of a record whose children are wanted.
    parent: Option<Value>,
}

/// What a load brings.
#[derive(Clone, Debug)]
pub struct Brings {
    area: Area,
    parent: Option<Value>,
    /// It takes the place of what was loaded before.
    anew: bool,
}

/// What is there, and what is wanted.
#[derive(Debug, Default)]
pub(super) struct Lazy {
    loaded: Vec<Area>,
    /// Records whose children are there.
    parents: Vec<Value>,
    wishes: Vec<Wish>,
    /// What the request on the wire is for.
    running: Vec<Wish>,
    /// What was wanted last.
    view: Option<Area>,
}

impl Area {
    const ALL: Self = Self {
        rows: (0.0, f64::INFINITY),
        dates: (f64::NEG_INFINITY, f64::INFINITY),
    };

    /// What is left without another area: the bands before and behind it, then what is left of the
    /// middle.
    fn minus(self, other: Self, rest: &mut Vec<Self>) {
        let rows = (self.rows.0.max(other.rows.0), self.rows.1.min(other.rows.1));
        let dates = (
            self.dates.0.max(other.dates.0),
            self.dates.1.min(other.dates.1),
        );
        if rows.0 >= rows.1 || dates.0 >= dates.1 {
            rest.push(self);
            return;
        }
        for band in [(self.rows.0, rows.0), (rows.1, self.rows.1)] {
            if band.0 < band.1 {
                rest.push(Self { rows: band, ..self });
            }
        }
        for band in [(self.dates.0, dates.0), (dates.1, self.dates.1)] {
            if band.0 < band.1 {
                rest.push(Self { rows, dates: band });
            }
        }
    }

    fn hull(self, other: Self) -> Self {
        let around = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
        Self {
            rows: around(self.rows, other.rows),
            dates: around(self.dates, other.dates),
        }
    }

    /// Both in one, where that is as much as both together.
    fn joined(self, other: Self) -> Option<Self> {
        let touch = |a: (f64, f64), b: (f64, f64)| a.0 <= b.1 && b.0 <= a.1;
        let hull = self.hull(other);
        let fits = hull == self
            || hull == other
            || (self.rows == other.rows && touch(self.dates, other.dates))
            || (self.dates == other.dates && touch(self.rows, other.rows));
        fits.then_some(hull)
    }

    /// As much as one request asks for.
    fn widened(mut self, options: &LazyConfig) -> Self {
        let buffer = options.buffer_ms.unwrap_or(self.dates.1 - self.dates.0);
        if buffer.is_finite() {
            self.dates = (self.dates.0 - buffer, self.dates.1 + buffer);
        }
        let chunk = f64::from(options.chunk_size);
        self.rows.0 = floor(self.rows.0 / chunk) * chunk;
        if self.rows.1.is_finite() {
            self.rows.1 = -floor(-self.rows.1 / chunk) * chunk;
        }
        self
    }

    /// What a request says of it.
    fn members(self, zone: &Zone, into: &mut Members) {
        if self.rows.1.is_finite() {
            into.insert("startIndex", Value::Number(self.rows.0));
            into.insert("count", Value::Number(self.rows.1 - self.rows.0));
        }
        for (name, ms) in [("startDate", self.dates.0), ("endDate", self.dates.1)] {
            let mut text = Vec::new();
            if DateFormat::IsoOffset.write(ms, zone, &mut text) {
                into.insert(
                    name,
                    Value::Text(String::from_utf8(text).unwrap_or_default()),
                );
            }
        }
    }
}

impl Lazy {
    /// The least area around all that isn't there of one.
    fn missing(&self, area: Area) -> Option<Area> {
        let mut rest = vec![area];
        for &loaded in &self.loaded {
            for area in core::mem::take(&mut rest) {
                area.minus(loaded, &mut rest);
            }
        }
        rest.into_iter().reduce(Area::hull)
    }

    fn learn(&mut self, mut area: Area) {
        while let Some((at, joined)) = self
            .loaded
            .iter()
            .enumerate()
            .find_map(|(at, other)| Some((at, area.joined(*other)?)))
        {
            self.loaded.remove(at);
            area = joined;
        }
        if self.loaded.len() >= AREAS_MAX {
            self.loaded.remove(0);
        }
        self.loaded.push(area);
    }

    fn has(&self, wish: &Wish) -> bool {
        match &wish.parent {
            Some(parent) => self.parents.contains(parent),
            None => self.missing(wish.area).is_none(),
        }
    }

    /// Nothing is there any more.
    pub(super) fn forget(&mut self) {
        self.loaded.clear();
        self.parents.clear();
    }

    /// The request that was for some wishes has failed.
    pub(super) fn stop_running(&mut self) {
        self.running.clear();
    }

    /// Whether that call waits; it doesn't any more.
    pub(super) fn stop_waiting(&mut self, call: CallId) -> bool {
        let before = self.wishes.len();
        self.wishes.retain(|wish| wish.call != Some(call));
        self.wishes.len() < before
    }
}

impl Manager {
    /// Somebody wants a part of the data to be there: JSON text of `startDate` and `endDate` (ms),
    /// `startIndex` and `count`, `parentId`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for parts that are none;
    /// [`Calls::open`](super::calls::Calls::open)'s.
    pub fn load_missing(
        &mut self,
        call: Option<CallId>,
        wanted: &[u8],
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        let Some(mut wish) = read_wish(wanted) else {
            let message =
                "a part is named by startDate before endDate, startIndex and count, or parentId";
            return Err(SyncError::new(ErrorCode::InvalidArgument, message));
        };
        if let Some(call) = call {
            cx.calls.open(call, self.id)?;
        }
        wish.call = call;
        if wish.parent.is_none() {
            self.lazy.view = Some(wish.area);
        }
        self.lazy.wishes.push(wish);
        self.pump(cx);
        Ok(())
    }

    /// Begins to load what is wanted and not there. Those who want what is there are told so.
    pub(super) fn begin_wish(&mut self, cx: &mut Context) -> bool {
        while !self.lazy.wishes.is_empty() {
            let there = self.lazy.has(&self.lazy.wishes[0]);
            let wish = &self.lazy.wishes[0];
            if there {
                let call = wish.call;
                self.lazy.wishes.remove(0);
                self.settle(call.as_slice(), &Ok(None), None, cx);
                continue;
            }
            let (parent, mut area) = (wish.parent.clone(), wish.area);
            if parent.is_none() {
                area = self.lazy.missing(area).unwrap_or(area);
                if let Some(options) = &self.options.lazy_load {
                    let widened = area.widened(options);
                    area = self.lazy.missing(widened).unwrap_or(widened);
                }
            }
            self.begin_part(area, parent, cx);
            return true;
        }
        false
    }

    fn begin_part(&mut self, area: Area, parent: Option<Value>, cx: &mut Context) {
        let mut options = LoadOptions {
            append_all: true,
            ..LoadOptions::default()
        };
        area.members(&cx.zone, &mut options.data);
        if let Some(parent) = &parent {
            options.data.insert("parentId", parent.clone());
        }
        // All who want something of it share it.
        let mut with = Lazy {
            loaded: self.lazy.loaded.clone(),
            ..Lazy::default()
        };
        match &parent {
            Some(parent) => with.parents.push(parent.clone()),
            None => with.learn(area),
        }
        let (now, later) = core::mem::take(&mut self.lazy.wishes)
            .into_iter()
            .partition(|wish| with.has(wish));
        (self.lazy.running, self.lazy.wishes) = (now, later);
        let calls = self
            .lazy
            .running
            .iter()
            .filter_map(|wish| wish.call)
            .collect();
        let anew = false;
        self.send_load(
            NextLoad::of(options),
            calls,
            Some(Brings { area, parent, anew }),
            cx,
        );
    }

    /// A load of everything: with `lazyLoad`, of what was wanted last, or of the first chunk; with
    /// pages, of one.
    pub(super) fn whole(&self, options: &mut LoadOptions, zone: &Zone) -> Option<Brings> {
        let mut area = Area::ALL;
        let mut part = self.options.load_data.clone();
        if let Some(lazy) = &self.options.lazy_load {
            let first = (0.0, f64::from(lazy.chunk_size));
            let view = self.lazy.view.unwrap_or(Area {
                rows: first,
                ..area
            });
            area = view.widened(lazy);
            area.members(zone, &mut part);
        }
        options.partial |= !part.list().is_empty();
        for (name, value) in part.list() {
            if !options.data.contains(name) {
                options.data.insert(name, value.clone());
            }
        }
        if area == Area::ALL && (options.partial || !options.append().is_empty()) {
            return None;
        }
        Some(Brings {
            area,
            parent: None,
            anew: true,
        })
    }

    /// A load for what was wanted gives way to a load of everything: it is made again behind that,
    /// if it is still wanted.
    pub(super) fn postpone_wishes(&mut self, older: &mut Exchange) {
        if is_for_wishes(older) {
            older.calls.clear();
            self.lazy.wishes.append(&mut self.lazy.running);
        }
    }

    /// A load was answered: what it brings is there. Says whether that takes the place of all that
    /// was.
    pub(super) fn note_brought(
        &mut self,
        brings: &Brings,
        response: &Response,
        exchange: &Exchange,
        cx: &Context,
    ) -> bool {
        self.lazy.running.clear();
        if brings.anew {
            self.lazy.forget();
        }
        if let Some(parent) = &brings.parent {
            self.lazy.parents.push(parent.clone());
            return false;
        }
        let mut area = brings.area;
        if area.rows.1.is_finite()
            && let Some(end) = self.end_of_rows(area, response, exchange, cx)
            && end <= area.rows.1
        {
            area.rows.1 = f64::INFINITY;
        }
        self.lazy.learn(area);
        brings.anew
    }

    /// Where the rows of the chunked store end, if that is known: where the server says, else where
    /// a chunk isn't full.
    fn end_of_rows(
        &self,
        area: Area,
        response: &Response,
        exchange: &Exchange,
        cx: &Context,
    ) -> Option<f64> {
        let named = self.options.lazy_load.as_ref()?.store.as_deref();
        let of = |name: &str| {
            let found = |id| cx.stores.get(id).is_some_and(|store| store.name() == name);
            exchange.stores.iter().position(|&id| found(id))
        };
        let at = of(named.unwrap_or("resources")).unwrap_or(0);
        let section = response.sections.get(at)?;
        let got = section
            .rows
            .as_ref()
            .map_or(0, |rows| rows.table.order().len()) as f64;
        let end = area.rows.0 + got;
        match section.total {
            Some(total) => Some(total.max(end)),
            None => (end < area.rows.1).then_some(end),
        }
    }
}

fn is_for_wishes(exchange: &Exchange) -> bool {
    match &exchange.detail {
        Detail::Load { brings, .. } => brings.as_ref().is_some_and(|brings| !brings.anew),
        Detail::Sync { .. } => false,
    }
}

fn read_wish(wanted: &[u8]) -> Option<Wish> {
    let wanted = Value::parse(wanted).ok()?;
    let number = |name: &str| wanted.get(name).and_then(Value::as_number);
    let mut area = Area::ALL;
    if let (Some(start), Some(end)) = (number("startDate"), number("endDate")) {
        area.dates = (start, end);
    }
    if let (Some(start), Some(count)) = (number("startIndex"), number("count")) {
        area.rows = (start, start + count);
    }
    let parent = wanted.get("parentId").filter(|id| !id.is_null()).cloned();
    let is_part = area.rows.0 >= 0.0 && area.rows.0 < area.rows.1 && area.dates.0 < area.dates.1;
    let is_named = area != Area::ALL || parent.is_some();
    (is_part && is_named).then_some(Wish {
        call: None,
        area,
        parent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: f64, to: f64) -> Area {
        Area {
            dates: (from, to),
            ..Area::ALL
        }
    }

    fn at(rows: (f64, f64), dates: (f64, f64)) -> Area {
        Area { rows, dates }
    }

    #[test]
    fn what_was_loaded_is_not_missing_and_neighbours_become_one() {
        let mut lazy = Lazy::default();
        lazy.learn(days(10.0, 20.0));
        lazy.learn(days(30.0, 40.0));
        assert_eq!(lazy.missing(days(12.0, 18.0)), None);
        assert_eq!(lazy.missing(days(15.0, 35.0)), Some(days(20.0, 30.0)));
        assert_eq!(lazy.missing(days(5.0, 35.0)), Some(days(5.0, 30.0)));
        lazy.learn(days(20.0, 30.0));
        assert_eq!(lazy.loaded, [days(10.0, 40.0)]);
        lazy.learn(Area::ALL);
        assert_eq!(lazy.loaded, [Area::ALL]);
    }

    #[test]
    fn rows_and_times_are_missing_together() {
        let mut lazy = Lazy::default();
        lazy.learn(at((0.0, 100.0), (0.0, 10.0)));
        let rest = lazy.missing(at((0.0, 100.0), (0.0, 20.0)));
        assert_eq!(rest, Some(at((0.0, 100.0), (10.0, 20.0))));
        let rest = lazy.missing(at((50.0, 150.0), (0.0, 10.0)));
        assert_eq!(rest, Some(at((100.0, 150.0), (0.0, 10.0))));
        lazy.learn(at((0.0, 100.0), (10.0, 20.0)));
        lazy.learn(at((100.0, f64::INFINITY), (0.0, 20.0)));
        assert_eq!(lazy.missing(at((0.0, 900.0), (0.0, 20.0))), None);
    }

    #[test]
    fn a_request_asks_for_whole_chunks_and_for_what_lies_beside() {
        let options = LazyConfig {
            chunk_size: 100,
            buffer_ms: None,
            store: None,
        };
        let widened = at((110.0, 130.0), (10.0, 20.0)).widened(&options);
        assert_eq!(widened, at((100.0, 200.0), (0.0, 30.0)));
        assert_eq!(Area::ALL.widened(&options), Area::ALL);
    }

    #[test]
    fn areas_beyond_the_limit_are_forgotten() {
        let mut lazy = Lazy::default();
        for day in 0..=AREAS_MAX {
            lazy.learn(days(day as f64 * 2.0, day as f64 * 2.0 + 1.0));
        }
        assert_eq!(lazy.loaded.len(), AREAS_MAX);
        assert!(lazy.missing(days(0.0, 1.0)).is_some());
    }
}
