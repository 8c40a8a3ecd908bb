//! Answers that aren't what they should be, calls that can't be right.
