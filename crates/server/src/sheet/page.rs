//! One A4 sheet: a title, a heading for the group, and a grid of codes with caption and expected result.

use image::RgbImage;
use model::code::Code;

use super::draw::{Area, Canvas, Ink, Pen};
use super::font::{Fonts, Pair};
use super::{SheetError, matrix};
use crate::store::PracticeCode;

/// Codes beside each other.
pub(super) const COLUMNS: usize = 4;
/// Codes above each other.
pub(super) const ROWS: usize = 5;

/// A4 at 200 dots per inch.
const PAGE: (u32, u32) = (1654, 2339);
const MARGIN: i32 = 92;
const HEAD: i32 = 252;
const FOOT: i32 = 110;
const GAP: i32 = 22;
/// A module of 8 dots is 1 mm: a scanner reads it at arm's length.
const MODULE: i32 = 8;
/// Modules of a code of ours, and of every other of version 1.
const SMALLEST: i32 = 21;
/// Modules of white around a code.
const QUIET: i32 = 4;

const INK: Ink = [24, 33, 29];
const GREY: Ink = [104, 116, 110];
const HAIR: Ink = [216, 222, 218];
const TEA: Ink = [20, 92, 64];
const GREEN: Ink = [226, 243, 233];
const BLUE: Ink = [226, 236, 250];
const BLUE_INK: Ink = [24, 74, 140];
const RED: Ink = [252, 231, 228];
const RED_INK: Ink = [158, 32, 24];

/// What stands above the grid.
pub(super) struct Head<'a> {
    pub(super) chain: &'a str,
    /// Where the codes do what is printed below them.
    pub(super) store: &'a str,
    pub(super) heading: &'a str,
    /// The heading in plain letters.
    pub(super) plain: &'a str,
    /// The number of the first code on this sheet.
    pub(super) first: usize,
    /// This sheet's number within the group.
    pub(super) number: usize,
    /// How many sheets the group has.
    pub(super) sheets: usize,
}

/// Draws one sheet.
pub(super) fn draw(fonts: &Fonts, head: &Head<'_>, codes: &[&PracticeCode]) -> Result<RgbImage, SheetError> {
    let mut canvas = Canvas::new(PAGE.0, PAGE.1);
    write_head(&mut canvas, fonts, head);
    let (width, height) = (PAGE.0 as i32 - 2 * MARGIN, PAGE.1 as i32 - HEAD - FOOT);
    let cell_width = (width - GAP * (COLUMNS as i32 - 1)) / COLUMNS as i32;
    let cell_height = (height - GAP * (ROWS as i32 - 1)) / ROWS as i32;
    for (place, code) in codes.iter().enumerate() {
        let (column, row) = ((place % COLUMNS) as i32, (place / COLUMNS) as i32);
        let cell = Area {
            x: MARGIN + column * (cell_width + GAP),
            y: HEAD + row * (cell_height + GAP),
            width: cell_width,
            height: cell_height,
        };
        draw_cell(&mut canvas, fonts, cell, code, head.first + place)?;
    }
    Ok(canvas.finish())
}

fn write_head(canvas: &mut Canvas, fonts: &Fonts, head: &Head<'_>) {
    let bar = Area { x: MARGIN, y: 84, width: 12, height: 108 };
    canvas.fill(bar, 6, TEA);
    let left = MARGIN + 36;
    let of = format!("{} / {}", head.number, head.sheets);
    let (title, heading, foot, pair) = match fonts {
        Fonts::Chinese(pair) => (
            format!("{} · 练习码", head.chain),
            head.heading,
            format!("仅供练习，不可兑换任何商品。码下方的标签，是在{}首次扫码应看到的结果。", head.store),
            pair,
        ),
        Fonts::Plain(pair) => (
            "COUNTERFOIL PRACTICE CODES".to_owned(),
            head.plain,
            "For practice only. The label says what a first scan must show.".to_owned(),
            pair,
        ),
        Fonts::None => return,
    };
    canvas.write(&title, left, 86, pen(pair, Cut::Bold, 50.0, INK));
    canvas.write(heading, left, 156, pen(pair, Cut::Bold, 32.0, TEA));
    let small = pen(pair, Cut::Regular, 26.0, GREY);
    canvas.write(&of, PAGE.0 as i32 - MARGIN - small.width(&of) as i32, 160, small);
    canvas.write(&foot, MARGIN, PAGE.1 as i32 - 74, pen(pair, Cut::Regular, 22.0, GREY));
}

fn draw_cell(
    canvas: &mut Canvas,
    fonts: &Fonts,
    cell: Area,
    code: &PracticeCode,
    number: usize,
) -> Result<(), SheetError> {
    canvas.frame(cell, 14, HAIR);
    let matrix = matrix(&code.code)?;
    // A larger symbol has smaller modules, so that all take the room of the smallest one.
    let room = SMALLEST * MODULE;
    let module = room / matrix.width() as i32;
    let side = matrix.width() as i32 * module;
    let top = cell.y + QUIET * MODULE + 2;
    canvas.code(&matrix, cell.x + (cell.width - side) / 2, top + (room - side) / 2, module);
    let below = top + room + QUIET * MODULE - 8;
    let (pair, caption, label) = match fonts {
        Fonts::Chinese(pair) => (pair, code.caption.clone(), words(&code.expect)),
        Fonts::Plain(pair) => (pair, format!("{} {number}", code.kind), code.expect.as_str()),
        Fonts::None => return Ok(()),
    };
    let grey = pen(pair, Cut::Regular, 17.0, GREY);
    canvas.write(&number.to_string(), cell.x + 14, cell.y + 12, grey);
    let (what, more) = caption.split_once(" · ").unwrap_or((&caption, ""));
    let texts = [(what, pen(pair, Cut::Bold, 22.0, INK)), (more, pen(pair, Cut::Regular, 20.0, INK))];
    for (place, (text, pen)) in texts.into_iter().enumerate() {
        let text = pen.fitted(text, (cell.width - 24) as f32);
        canvas.write_centred(&text, cell, below + place as i32 * 30, pen);
    }
    let grouped = Code::read(&code.code).map(|code| code.grouped()).unwrap_or_default();
    canvas.write_centred(&grouped, cell, below + 64, pen(pair, Cut::Regular, 17.0, GREY));
    draw_label(canvas, cell, label, &code.expect, pair);
    Ok(())
}

fn draw_label(canvas: &mut Canvas, cell: Area, label: &str, expect: &str, pair: &Pair) {
    let (paper, ink) = match expect {
        "offer" => (GREEN, TEA),
        "member" | "choice" => (BLUE, BLUE_INK),
        _ => (RED, RED_INK),
    };
    let pen = pen(pair, Cut::Bold, 20.0, ink);
    let width = pen.width(label) as i32 + 32;
    let label_area =
        Area { x: cell.x + (cell.width - width) / 2, y: cell.y + cell.height - 46, width, height: 34 };
    canvas.fill(label_area, 17, paper);
    canvas.write_centred(label, label_area, label_area.y + 6, pen);
}

enum Cut {
    Regular,
    Bold,
}

fn pen(pair: &Pair, cut: Cut, size: f32, ink: Ink) -> Pen<'_> {
    let font = match cut {
        Cut::Regular => &pair.regular,
        Cut::Bold => &pair.bold,
    };
    Pen { font, size, ink }
}

/// The expected result in the words of the till.
fn words(expect: &str) -> &str {
    match expect {
        "offer" => "可核销",
        "member" => "显示会员",
        "choice" => "选择订单",
        "not_genuine" => "伪码",
        "code_stale" => "截图或过时的码",
        "expired" => "已过期",
        "not_yet" => "未到使用时间",
        "refunded" => "已退款",
        "refund_pending" => "退款中",
        "cancelled" => "已取消",
        "frozen" => "已冻结",
        "wrong_store" => "不适用于本店",
        "used" => "已被核销",
        "never_issued" => "查不到此码",
        other => other,
    }
}
