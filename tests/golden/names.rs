//! Random ids get readable names on their way into a transcript, and become themselves again on
//! their way back.

use serde_json::Value;

/// What was seen, in the order of its first appearance.
#[derive(Debug, Default)]
pub struct Names {
    phantoms: Vec<String>,
    requests: Vec<u64>,
}

impl Names {
    /// Something that the engine said, with names.
    pub fn name(&mut self, said: &Value) -> Value {
        self.find_requests(said);
        let mut text = said.to_string();
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('-')) {
            let dash = at + found;
            at = dash + 1;
            let start = dash.saturating_sub(8);
            let Some(id) = text.get(start..start + 36).filter(|id| is_uuid(id)) else {
                continue;
            };
            let id = id.to_owned();
            let number = match self.phantoms.iter().position(|known| *known == id) {
                Some(at) => at,
                None => {
                    self.phantoms.push(id);
                    self.phantoms.len() - 1
                }
            };
            text.replace_range(start..start + 36, &readable(number));
            at = start + 36;
        }
        for (number, request) in self.requests.iter().enumerate() {
            text = text.replace(&request.to_string(), &(number + 1).to_string());
        }
        serde_json::from_str(&text).unwrap()
    }

    /// Something that a transcript says, as the engine has to hear it.
    pub fn unname(&self, said: &Value) -> Value {
        let mut text = said.to_string();
        for (number, id) in self.phantoms.iter().enumerate() {
            text = text.replace(&readable(number), id);
        }
        let mut heard: Value = serde_json::from_str(&text).unwrap();
        if let Some(id) = heard.get_mut("requestId")
            && let Some(number) = id.as_u64()
            && let Some(request) = self.requests.get((number as usize).wrapping_sub(1))
        {
            *id = (*request).into();
        }
        heard
    }

    fn find_requests(&mut self, said: &Value) {
        match said {
            Value::Object(members) => {
                if let Some(id) = members.get("requestId").and_then(Value::as_u64)
                    && !self.requests.contains(&id)
                {
                    self.requests.push(id);
                }
                members.values().for_each(|value| self.find_requests(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.find_requests(value)),
            _ => {}
        }
    }
}

fn readable(number: usize) -> String {
    format!("00000000-0000-4000-8000-{:012}", number + 1)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
