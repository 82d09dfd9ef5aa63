//! `ui/src/bindings.ts` is what this file gives. To write it anew: `COUNTERFOIL_BINDINGS=write cargo test -p
//! counterfoil bindings`.

use super::*;

const HEADER: &str = "// What crosses between the shell and the page. Generated from src-tauri/src/view.rs; to write it anew:\n\
    // COUNTERFOIL_BINDINGS=write cargo test -p counterfoil bindings\n";

fn declaration<T: TS>(config: &ts_rs::Config) -> String {
    format!("\n{}export {}\n", T::docs().unwrap_or_default(), T::decl(config))
}

fn bindings() -> String {
    let config = ts_rs::Config::new();
    let config = &config;
    [
        HEADER.to_owned(),
        declaration::<Screen>(config),
        declaration::<Status>(config),
        declaration::<Exposure>(config),
        declaration::<Fetching>(config),
        declaration::<Clerk>(config),
        declaration::<Line>(config),
        declaration::<Stage>(config),
        declaration::<Subject>(config),
        declaration::<Kind>(config),
        declaration::<Benefit>(config),
        declaration::<Item>(config),
        declaration::<Offer>(config),
        declaration::<Approval>(config),
        declaration::<Tally>(config),
        declaration::<Member>(config),
        declaration::<MemberCoupon>(config),
        declaration::<Choice>(config),
        declaration::<Candidate>(config),
        declaration::<RestsOn>(config),
        declaration::<Basis>(config),
        declaration::<Class>(config),
        declaration::<Verdict>(config),
        declaration::<Approved>(config),
        declaration::<Taken>(config),
        declaration::<Earlier>(config),
        declaration::<Row>(config),
        declaration::<Sync>(config),
        declaration::<Cases>(config),
        declaration::<Case>(config),
        declaration::<CaseSide>(config),
        declaration::<CaseRecord>(config),
        declaration::<CaseDecision>(config),
        declaration::<DecidedHere>(config),
        declaration::<PracticeCode>(config),
        declaration::<Habits>(config),
        declaration::<Doctor>(config),
        declaration::<TestCode>(config),
        declaration::<Scanner>(config),
        declaration::<TestScan>(config),
        declaration::<Finding>(config),
        declaration::<Figure>(config),
        declaration::<Heard>(config),
        declaration::<Act>(config),
        declaration::<Take>(config),
        declaration::<Source>(config),
    ]
    .concat()
}

#[test]
fn the_pages_bindings_are_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/src/bindings.ts");
    if std::env::var("COUNTERFOIL_BINDINGS").is_ok_and(|word| word == "write") {
        std::fs::write(path, bindings()).expect("the page's folder can be written");
    }
    let found = std::fs::read_to_string(path).expect("the page has its bindings");
    assert!(found == bindings(), "ui/src/bindings.ts is stale: {HEADER}");
}
