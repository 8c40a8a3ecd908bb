//! Native tests of the engine's parts together.

mod json_reader;
