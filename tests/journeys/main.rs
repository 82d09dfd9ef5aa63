//! What happens at a counter, one story a file.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod any_course;
mod bad_input;
mod broken_files;
mod bursts;
mod cases;
mod choice;
mod clocks;
mod commands;
mod copy;
mod custody;
mod doors;
mod faults;
mod feed;
mod hard_days;
mod interrupted;
mod man_in_the_middle;
mod manners;
mod member_card;
mod no_secrets;
mod offline_and_back;
mod order_in_part;
mod outage;
mod overtaken_offer;
mod practice_codes;
mod redeem_online;
mod restored_server;
mod same_code_again;
mod serial;
mod signed;
mod times_card;
mod two_tills_one_coupon;
mod undo;
