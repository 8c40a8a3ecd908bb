//! Patterns of `YYYY MM DD HH mm ss SSS Z` and literal text.

use super::Wall;
use super::iso::{number, read_offset};
use super::parts::{Parts, digits, write_offset};
use crate::prelude::*;

/// One piece of a pattern; numbers are the least count of digits.
pub(super) enum Token<'a> {
    Year,
    Month(usize),
    Day(usize),
    Hour(usize),
    Minute(usize),
    Second(usize),
    Ms,
    Offset(&'static str),
    Literal(&'a str),
}

pub(super) struct Tokens<'a>(pub(super) &'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.0.chars().next()?;
        if first == '[' {
            let Some((literal, rest)) = self.0.get(1..)?.split_once(']') else {
                self.0 = "";
                return Some(Err("a `[` of the date format isn't closed".into()));
            };
            self.0 = rest;
            return Some(Ok(Token::Literal(literal)));
        }
        let len = match first.is_ascii_alphabetic() {
            true => self.0.len() - self.0.trim_start_matches(first).len(),
            false => first.len_utf8(),
        };
        let (token, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(match token {
            "YYYY" => Ok(Token::Year),
            "MM" | "M" => Ok(Token::Month(len)),
            "DD" | "D" => Ok(Token::Day(len)),
            "HH" | "H" => Ok(Token::Hour(len)),
            "mm" | "m" => Ok(Token::Minute(len)),
            "ss" | "s" => Ok(Token::Second(len)),
            "SSS" => Ok(Token::Ms),
            "Z" => Ok(Token::Offset(":")),
            "ZZ" => Ok(Token::Offset("")),
            "T" => Ok(Token::Literal(token)),
            _ if first.is_ascii_alphabetic() => Err(format!(
                "the date format has no `{token}`; literal letters stand in [ ]"
            )),
            _ => Ok(Token::Literal(token)),
        })
    }
}

pub(super) fn read_pattern(pattern: &str, text: &str) -> Option<Wall> {
    let mut parts = Parts::default();
    let mut offset = None;
    let mut rest = text.trim().as_bytes();
    for token in Tokens(pattern) {
        match token.ok()? {
            Token::Year => parts.read_year(&mut rest)?,
            Token::Month(least) => parts.month = number(&mut rest, least, 2)?,
            Token::Day(least) => parts.day = number(&mut rest, least, 2)?,
            Token::Hour(least) => parts.hour = number(&mut rest, least, 2)?,
            Token::Minute(least) => parts.minute = number(&mut rest, least, 2)?,
            Token::Second(least) => parts.second = number(&mut rest, least, 2)?,
            Token::Ms => parts.ms = number(&mut rest, 3, 3)?,
            Token::Offset(_) => offset = Some(read_offset(&mut rest)?),
            Token::Literal(literal) => rest = rest.strip_prefix(literal.as_bytes())?,
        }
    }
    let ms = parts.to_ms()?;
    rest.is_empty().then_some(Wall { ms, offset })
}

impl Parts {
    pub(super) fn write_pattern(&self, pattern: &str, offset: i64, out: &mut Vec<u8>) {
        for token in Tokens(pattern) {
            match token {
                Ok(Token::Year) => self.write_year(out),
                Ok(Token::Month(least)) => digits(self.month, least, out),
                Ok(Token::Day(least)) => digits(self.day, least, out),
                Ok(Token::Hour(least)) => digits(self.hour, least, out),
                Ok(Token::Minute(least)) => digits(self.minute, least, out),
                Ok(Token::Second(least)) => digits(self.second, least, out),
                Ok(Token::Ms) => digits(self.ms, 3, out),
                Ok(Token::Offset(separator)) => write_offset(offset, separator, out),
                Ok(Token::Literal(text)) => out.extend_from_slice(text.as_bytes()),
                Err(_) => {}
            }
        }
    }
}
