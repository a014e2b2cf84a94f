//! The other shape of the same orders (bench/payloads.py), as one maps it by hand.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::contract::{
    Amount, Discount, Invoice, Item, Order, OrderDocument, Reference, SearchDocument, Summary, Text, contract, encode,
};
use crate::problems::{Problem, UPSTREAM_CONTRACT, UPSTREAM_ERROR, Violation};

#[derive(Deserialize)]
struct OmsOrderDocument<'a> {
    #[serde(borrow)]
    data: OmsData<'a>,
}

#[derive(Deserialize)]
struct OmsData<'a> {
    #[serde(borrow)]
    order: OmsOrder<'a>,
}

#[derive(Deserialize)]
struct OmsOrder<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    customer: OmsCustomer<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    locked: Option<Text<'a>>,
    #[serde(borrow)]
    payment: OmsPayment<'a>,
    #[serde(borrow)]
    lines: Vec<OmsLine<'a>>,
}

#[derive(Deserialize)]
struct OmsCustomer<'a> {
    #[serde(borrow)]
    number: Text<'a>,
}

#[derive(Deserialize)]
struct OmsPayment<'a> {
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    deposit: Option<Amount<'a>>,
    #[serde(borrow)]
    invoice: Option<OmsInvoice<'a>>,
}

#[derive(Deserialize)]
struct OmsInvoice<'a> {
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(borrow)]
    amount: Amount<'a>,
    #[serde(borrow)]
    references: Option<Vec<Reference<'a>>>,
}

#[derive(Deserialize)]
struct OmsLine<'a> {
    #[serde(borrow)]
    sku: Text<'a>,
    #[serde(borrow)]
    qty: Amount<'a>,
    #[serde(borrow)]
    price: OmsPrice<'a>,
    #[serde(borrow)]
    part: Option<Amount<'a>>,
    #[serde(borrow)]
    rebates: Option<Vec<OmsRebate<'a>>>,
}

#[derive(Deserialize)]
struct OmsPrice<'a> {
    #[serde(borrow)]
    cents: Amount<'a>,
}

#[derive(Deserialize)]
struct OmsRebate<'a> {
    #[serde(borrow)]
    off: Option<Amount<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct OmsSearchDocument<'a> {
    #[serde(borrow)]
    hits: Vec<OmsHit<'a>>,
}

#[derive(Deserialize)]
struct OmsHit<'a> {
    #[serde(borrow)]
    number: Amount<'a>,
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    payment: OmsHitPayment<'a>,
}

#[derive(Deserialize)]
struct OmsHitPayment<'a> {
    #[serde(borrow)]
    state: Text<'a>,
}

pub fn get_order(body: &[u8], asked: &str) -> Result<Vec<u8>, Problem> {
    let document: OmsOrderDocument = serde_json::from_slice(body).map_err(broken)?;
    OrderDocument { order: outward(document.data.order)? }.encode(asked)
}

pub fn search_orders(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let document: OmsSearchDocument = serde_json::from_slice(body).map_err(broken)?;
    let mut orders = Vec::with_capacity(document.hits.len());
    for (index, hit) in document.hits.into_iter().enumerate() {
        let customer_id = match &*hit.account.0 {
            "north" => "C-100200",
            "south" => "C-100201",
            _ => return Err(unknown_word(format!("/customerOrders/{index}/customerId"))),
        };
        orders.push(Summary {
            customer_order_id: Text(Cow::Owned(hit.number.0.get().to_owned())),
            customer_id: Text(Cow::Borrowed(customer_id)),
            status: status(&hit.state, &hit.payment.state),
        });
    }
    encode(&SearchDocument { orders })
}

fn outward(from: OmsOrder<'_>) -> Result<Order<'_>, Problem> {
    let is_locked = match from.locked.as_ref().map(|word| &*word.0) {
        None => None,
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(_) => return Err(unknown_word("/customerOrder/isLocked".into())),
    };
    let invoice = match from.payment.invoice {
        None => None,
        Some(invoice) => Some(Invoice {
            customer_account_id: invoice.account,
            invoicing_amount: shifted(&invoice.amount)?,
            references: invoice.references,
        }),
    };
    let mut items = Vec::with_capacity(from.lines.len());
    for line in from.lines {
        let mut discounts = None;
        if let Some(rebates) = line.rebates {
            let mut made = Vec::with_capacity(rebates.len());
            for rebate in rebates {
                made.push(Discount {
                    discount_amount: rebate.off.as_ref().map(shifted).transpose()?,
                    discount_id: rebate.code,
                    discount_text: rebate.name,
                    reward_type: rebate.kind,
                });
            }
            discounts = Some(made);
        }
        items.push(Item {
            item_id: line.sku,
            quantity_ordered: line.qty,
            unit_price: shifted(&line.price.cents)?,
            contributed_amount: line.part.as_ref().map(shifted).transpose()?,
            discounts,
        });
    }
    Ok(Order {
        customer_order_id: from.id,
        customer_id: from.customer.number,
        status: status(&from.state, &from.payment.state),
        minimum_down_payment: from.payment.deposit.as_ref().map(shifted).transpose()?,
        is_locked,
        invoice,
        items,
    })
}

/// A table of two members.
fn status(state: &Text, payment: &Text) -> Text<'static> {
    Text(Cow::Borrowed(match (&*state.0, &*payment.0) {
        ("open", "due") => "CREATED",
        ("picking", "paid") => "IN_PROGRESS",
        ("done", "paid") => "FULFILLED",
        _ => "UNKNOWN",
    }))
}

/// Returns an amount in units for one in hundredths, by its digits.
fn shifted(of: &Amount) -> Result<Amount<'static>, Problem> {
    let written = of.0.get();
    let (sign, digits) = written.strip_prefix('-').map_or(("", written), |digits| ("-", digits));
    let made = if let Some((digits, exponent)) = digits.split_once(['e', 'E']) {
        let exponent: i64 = exponent.parse().map_err(|_| contract(Vec::new()))?;
        format!("{sign}{digits}e{}", exponent - 2)
    } else {
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
        let padded = if whole.len() < 3 { Cow::Owned(format!("{whole:0>3}")) } else { Cow::Borrowed(whole) };
        let (whole, hundredths) = padded.split_at(padded.len() - 2);
        let mut made = String::with_capacity(written.len() + 4);
        for part in [sign, whole, ".", hundredths, rest] {
            made.push_str(part);
        }
        made
    };
    RawValue::from_string(made).map(|raw| Amount(Cow::Owned(raw))).map_err(|_| contract(Vec::new()))
}

fn unknown_word(pointer: String) -> Problem {
    contract(vec![Violation { pointer, detail: "has a word that is not in `values`" }])
}

fn broken(error: serde_json::Error) -> Problem {
    match error.is_data() {
        true => Problem::new(UPSTREAM_CONTRACT, "Fields of the OMS's answer are missing or have the wrong type.")
            .because("contract"),
        false => Problem::new(UPSTREAM_ERROR, "The OMS's answer is not valid JSON.").because("malformed-json"),
    }
}
