//! What the demo chain sells, and to whom: constant data, so that every demo database has the same content.

/// An article: number, name, price (fen), shelf, and what it can be had as (empty: as it is).
pub(super) struct Goods {
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    pub(super) price: i64,
    pub(super) shelf: &'static str,
    pub(super) variants: &'static [&'static str],
}

const DRINK: &[&str] = &["大杯/少冰/三分糖", "中杯/去冰/五分糖", "大杯/热/无糖", "中杯/正常冰/七分糖"];
const LEMON: &[&str] = &["大杯/少冰/五分糖", "大杯/正常冰/三分糖"];
const AS_IS: &[&str] = &[];

macro_rules! goods {
    ($(($sku:literal, $name:literal, $price:literal, $shelf:literal, $variants:expr)),* $(,)?) => {
        &[$(Goods { sku: $sku, name: $name, price: $price, shelf: $shelf, variants: $variants }),*]
    };
}

/// The range.
pub(super) const GOODS: &[Goods] = goods![
    ("D01", "茉莉奶绿", 1600, "吧台", DRINK),
    ("C01", "桂花糕", 1800, "冷柜1", AS_IS),
    ("D02", "柚子乌龙", 1800, "吧台", DRINK),
    ("B01", "绿豆糕 6枚装", 2800, "A1", AS_IS),
    ("D03", "杨枝甘露", 2200, "吧台", DRINK),
    ("C02", "抹茶千层", 3200, "冷柜2", AS_IS),
    ("D04", "铁观音鲜奶茶", 1700, "吧台", DRINK),
    ("T01", "明前龙井 50g", 12800, "B1", AS_IS),
    ("D05", "手打柠檬茶", 1600, "吧台", LEMON),
    ("B02", "凤梨酥礼盒", 6800, "A2", AS_IS),
    ("D06", "芝士葡萄", 2500, "吧台", DRINK),
    ("C03", "巴斯克蛋糕", 3600, "冷柜2", AS_IS),
    ("D07", "黑糖珍珠鲜奶", 1900, "吧台", DRINK),
    ("T02", "正山小种 100g", 9800, "B2", AS_IS),
    ("D08", "桂花乌龙", 1500, "吧台", DRINK),
    ("B03", "蛋黄酥 4枚装", 3200, "A3", AS_IS),
    ("D09", "生椰抹茶", 2100, "吧台", DRINK),
    ("C04", "茶香瑞士卷", 2900, "冷柜1", AS_IS),
    ("D10", "冻顶乌龙", 1400, "吧台", DRINK),
    ("T03", "凤凰单丛 75g", 8800, "B3", AS_IS),
];

/// How many lines the orders have, one after the other.
pub(super) const LINES: &[usize] = &[2, 1, 3, 1, 4, 2, 1, 6, 2, 3, 1, 5, 2, 1, 3];

/// What customers ask for with an order.
pub(super) const WISHES: &[&str] =
    &["", "", "请分开装袋。", "", "顾客约 17:30 到店。", "", "需要吸管两根。", "", "礼盒请附手提袋。"];

/// Masked customers.
pub(super) const HOLDERS: &[&str] = &[
    "王*", "陈*婷", "李*", "林*豪", "黄*", "周*敏", "吴*", "郑*怡", "何*", "梁*文", "谢*", "罗*欣", "曾*",
    "邓*杰", "许*", "蔡*玲", "彭*", "潘*", "袁*宁", "蒋*",
];

/// Tiers with points and stored value (fen), one after the other.
pub(super) const TIERS: &[(&str, i64, i64)] =
    &[("普通", 120, 0), ("银卡", 1_860, 5_000), ("金卡", 8_240, 20_000), ("普通", 45, 0), ("银卡", 2_310, 0)];

/// Coupons for an amount: what it needs and what it takes off (fen).
pub(super) const AMOUNTS: &[(i64, i64)] =
    &[(10_000, 2_000), (5_000, 800), (3_000, 500), (20_000, 5_000), (0, 300)];

/// Coupons for a percentage: title and percent off.
pub(super) const PERCENTS: &[(&str, u8)] =
    &[("全场 8.5 折券", 15), ("茶饮 9 折券", 10), ("糕点 8 折券", 20), ("会员日 7.5 折券", 25)];

/// Coupons in exchange for goods: title, goods, worth (fen).
pub(super) const EXCHANGES: &[(&str, &str, i64)] = &[
    ("桂花糕兑换券", "桂花糕 1 份", 1_800),
    ("中杯茶饮兑换券", "任意中杯茶饮 1 杯", 1_800),
    ("蛋黄酥兑换券", "蛋黄酥 4枚装 1 盒", 3_200),
    ("生日茶饮券", "任意大杯茶饮 1 杯", 2_200),
];

/// Cards: title, goods, uses, worth of one use (fen).
pub(super) const CARDS: &[(&str, &str, u32, i64)] = &[
    ("茉莉奶绿五次卡", "茉莉奶绿 中杯", 5, 1_400),
    ("柠檬茶十次卡", "手打柠檬茶 大杯", 10, 1_300),
    ("早餐茶点十次卡", "早餐茶点套餐", 10, 1_500),
    ("乌龙五次卡", "桂花乌龙 中杯", 5, 1_200),
];
