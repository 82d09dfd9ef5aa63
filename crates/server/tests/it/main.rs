//! The server as a till meets it: the real router on a real socket, and the real program from the command line.

mod candidates;
mod cases;
mod cli;
mod cli_malls;
mod cli_signed;
mod demo;
mod digests;
mod enrolments;
mod feeds;
mod journals;
mod keys;
mod merchants;
mod phone;
mod policies;
mod redemptions;
mod signatures;
mod signed;
mod signing;
mod support;
