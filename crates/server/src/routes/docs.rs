//! `GET /docs`: how a mini-program shows codes, for whoever writes it, with the script that it needs; and
//! `GET /docs/merchants`: how a merchant's program issues them.

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

const SCRIPT: &str = include_str!("../../../../docs/mini-program/counterfoil-code.js");
const TEXT: &str = include_str!("../../../../docs/mini-program/README.md");

const MERCHANTS: &str = include_str!("../../../../docs/merchants.md");

pub(super) async fn page() -> Html<String> {
    Html(html(TEXT))
}

pub(super) async fn merchants() -> Html<String> {
    Html(html(MERCHANTS))
}

pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

/// The page, from the same text that the repository shows. It knows as much of Markdown as that text uses: headings,
/// paragraphs that may be numbered, lists, fenced code, and what [`inline`] does.
fn html(markdown: &str) -> String {
    let mut body = String::new();
    let mut paragraph = String::new();
    let mut fenced = false;
    for line in markdown.lines() {
        let bare = line.trim_start();
        let heading = bare.strip_prefix("## ").map(|text| ("h2", text));
        let heading = heading.or_else(|| bare.strip_prefix("# ").map(|text| ("h1", text)));
        if bare.starts_with("```") {
            close(&mut body, &mut paragraph);
            body.push_str(if fenced { "</code></pre>\n" } else { "<pre><code>" });
            fenced = !fenced;
        } else if fenced {
            body.push_str(&format!("{}\n", escaped(line.strip_prefix("   ").unwrap_or(line))));
        } else if let Some((tag, text)) = heading {
            close(&mut body, &mut paragraph);
            body.push_str(&format!("<{tag}>{}</{tag}>\n", inline(text)));
        } else {
            let numbered = bare.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
            if bare.is_empty() || numbered || bare.starts_with("- ") {
                close(&mut body, &mut paragraph);
            }
            // Chinese lines are joined without a space.
            let gap = !paragraph.is_empty() && paragraph.ends_with(|last: char| last.is_ascii());
            paragraph.push_str(if gap { " " } else { "" });
            paragraph.push_str(bare);
        }
    }
    close(&mut body, &mut paragraph);
    format!("{HEAD}{body}</html>\n")
}

const HEAD: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>Counterfoil</title><style>body{max-width:44rem;margin:2rem auto;padding:0 1rem;\
    font:16px/1.7 system-ui,sans-serif}pre{overflow:auto;padding:1rem;background:#f4f4f2}code{font:14px/1.5 \
    ui-monospace,monospace}</style>\n";

fn close(body: &mut String, paragraph: &mut String) {
    if !paragraph.is_empty() {
        body.push_str(&format!("<p>{}</p>\n", inline(paragraph)));
        paragraph.clear();
    }
}

/// Code, emphasis and links within a paragraph.
fn inline(text: &str) -> String {
    let coded = paired(&escaped(text), "`", "code");
    let mut html = String::new();
    let mut rest = paired(&coded, "**", "strong");
    while let Some((before, link)) = rest.clone().split_once('[') {
        let Some((label, (address, after))) =
            link.split_once("](").and_then(|(label, link)| Some((label, link.split_once(')')?)))
        else {
            break;
        };
        html.push_str(&format!("{before}<a href=\"{}\">{label}</a>", served(address)));
        rest = after.to_owned();
    }
    html + &rest
}

/// Where the server has what the repository has at that address.
fn served(address: &str) -> String {
    match address {
        "../merchants.md" => "docs/merchants".to_owned(),
        "mini-program/README.md" => "../docs".to_owned(),
        other => format!("docs/{other}"),
    }
}

/// What stands between two marks, within a tag.
fn paired(text: &str, mark: &str, tag: &str) -> String {
    let mut html = String::new();
    for (place, piece) in text.split(mark).enumerate() {
        match place {
            0 => {}
            inside if inside % 2 == 1 => html.push_str(&format!("<{tag}>")),
            _ => html.push_str(&format!("</{tag}>")),
        }
        html.push_str(piece);
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_text_says() {
        let page = html(
            "# A & B\n\n1. `x` is **so**,\n   see [`y`](y.js).\n2. two\n\n```js\na < b **c**\n```\n你好，\n世界\n",
        );
        for wanted in [
            "<h1>A &amp; B</h1>",
            "<p>1. <code>x</code> is <strong>so</strong>, see <a href=\"docs/y.js\"><code>y</code></a>.</p>",
            "<p>2. two</p>",
            "<pre><code>a &lt; b **c**\n</code></pre>",
            "<p>你好，世界</p>",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        for whole in [html(TEXT), html(MERCHANTS)] {
            let opened = |tag: &str| whole.matches(&format!("<{tag}>")).count();
            for tag in ["p", "pre", "code", "strong"] {
                assert_eq!(
                    opened(tag),
                    whole.matches(&format!("</{tag}>")).count(),
                    "each <{tag}> is closed"
                );
            }
            assert!(!whole.contains("```") && !whole.contains("**"), "nothing of the text's marks is left");
            assert!(!whole.contains(".md\""), "links lead to what the server has");
        }
    }

    #[test]
    fn the_merchants_page_names_every_field() {
        let issue = wire::merchant::Issue::FIELDS.iter();
        for field in issue.chain(&wire::campaign::Put::FIELDS).chain(&wire::merchant::LINE_FIELDS) {
            assert!(MERCHANTS.contains(&format!("`{field}`")), "{field} is told");
        }
    }
}
