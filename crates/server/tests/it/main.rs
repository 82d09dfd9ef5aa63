//! The server as a till meets it: the real router on a real socket, and the real program from the command line.

mod cli;
mod demo;
mod enrolments;
mod feeds;
mod journals;
mod keys;
mod redemptions;
mod support;
