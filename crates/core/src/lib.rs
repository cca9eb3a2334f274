//! What kubectl nks decides, without doing any of it.
//!
//! Everything here is data in, data out: no clock, no randomness, no environment, no file, no network, no output.
//! The way through, in the order of the flow (`cli/src/flow.rs`):
//!
//! | step | module |
//! |---|---|
//! | what a fixer declares | [`manifest`], [`settings`], [`message`], and the rights that follow: [`rights`] |
//! | objects, from a cluster or from files | [`object`], [`kinds`], [`source`], [`facts`] |
//! | what of them a fixer is shown | [`demand`], [`secret`], [`token`]; and of the settings: [`credential`] |
//! | what it answers | [`report`] |
//! | the exact writes that follow, checked on their effect | [`plan`], [`scope`], [`finalizer`], [`mod@pointer`] |
//! | that somebody agreed to them | [`approval`] |
//! | objects that are made or removed as a whole | [`whole`] |
//! | who else writes these objects | [`owner`] |
//! | what a person is shown | [`diff`]; what a program is given: [`output`] |
//! | what is kept on disk | [`record`]; what a crash left open: [`settle`]; the way back: [`undo`] |

pub mod approval;
pub mod credential;
pub mod demand;
pub mod diff;
pub mod facts;
pub mod finalizer;
pub mod image_probe;
pub mod json;
pub mod kinds;
pub mod manifest;
pub mod message;
pub mod object;
pub mod output;
pub mod owner;
pub mod plan;
pub mod pointer;
pub mod probe;
pub mod record;
pub mod report;
pub mod rights;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod settle;
pub mod source;
pub mod token;
pub mod triage;
pub mod undo;
pub mod whole;
pub mod yaml;
