//! The server from outside: over real sockets, on database files in temporary directories.

mod access;
mod bad_input;
mod concurrency;
mod conflict;
mod crash;
mod faults;
mod host;
mod live;
mod load;
mod pages;
mod references;
mod removal;
mod repeat;
mod rules;
mod sync;
