//! Managers: loads, syncs, and everything that decides when they happen and what they bring.
//!
//! Small machines that don't know each other, each with its own tests, and the manager that puts
//! them together:
//!
//! | file | what |
//! |---|---|
//! | `autosync` | the wait after the last edit |
//! | `retry` | waits between attempts |
//! | `revision` | the server's counter |
//! | `dirty` | when `hasChanges` and `noChanges` are true |
//! | `status` | one word for it all |
//! | `package`, `url` | what goes out |
//! | `verdict` | what an answer says |
//! | `exchange` | the stages of one request, and the table of legal ways between them |
//! | `backlog` | what a request of unknown outcome leaves behind |
//! | `conflicts` | what clashed, told and decided |
//! | `holding` | what is kept from packages: invalid records, and what depends on them |
//! | `fate` | what becomes of edits that somebody holds a promise of |
//! | `calls` | every promise settles exactly once |
//! | `manager` | options, stores, and what it is doing |
//! | `pump` | what happens to it from outside, and what may start next |
//! | `flow` | an exchange's way through its stages |
//! | `live` | what it has to do with a channel |
//! | `load`, `sync` | how loads and syncs begin and end |
//! | `lazy` | loading what is wanted and not there |
//! | `portion` | packages that carry a part of what waits |
//! | `conflict` | what follows when the server's data is newer |
//! | `polling` | asking the server for news |
//! | `answer` | what an answer brings, over all stores |
//! | `outcome` | what an applied answer leaves to be told |
//! | `relations` | what happens in one store and concerns others |

pub mod answer;
pub mod autosync;
pub mod backlog;
pub mod calls;
mod conflict;
pub mod conflicts;
pub mod context;
pub mod dirty;
pub mod exchange;
pub mod fate;
pub mod flow;
mod holding;
pub mod lazy;
pub mod live;
mod load;
pub mod manager;
mod outcome;
pub mod package;
mod polling;
mod portion;
mod pump;
pub mod relations;
pub mod retry;
pub mod revision;
pub mod status;
mod sync;
pub mod url;
pub mod verdict;

pub use manager::Manager;
