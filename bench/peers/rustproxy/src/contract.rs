//! The documented shape. What is null or absent is left out, what is not named is dropped; amounts are the bytes that
//! were sent.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, value::RawValue};

use crate::problems::{INVALID_REQUEST, MALFORMED_JSON, Problem, UPSTREAM_CONTRACT, UPSTREAM_ERROR, Violation};

/// Text that is borrowed where it has no escapes, also within an `Option`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A number, as it was sent.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Amount<'a>(pub Cow<'a, RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Amount<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?;
        match raw.get().as_bytes()[0] {
            b'-' | b'0'..=b'9' => Ok(Self(Cow::Borrowed(raw))),
            _ => Err(D::Error::custom("must be a number")),
        }
    }
}

macro_rules! shape {
    ($name:ident { $($field:ident $json:literal $type:ty,)* } optional { $($maybe:ident $maybe_json:literal $maybe_type:ty,)* }) => {
        #[derive(Deserialize, Serialize)]
        pub struct $name<'a> {
            $(#[serde(borrow, rename = $json)] pub $field: $type,)*
            $(#[serde(borrow, default, rename = $maybe_json, skip_serializing_if = "Option::is_none")] pub $maybe: Option<$maybe_type>,)*
        }
    };
}

#[derive(Deserialize, Serialize)]
pub struct Order<'a> {
    #[serde(borrow, rename = "customerOrderId")]
    pub customer_order_id: Text<'a>,
    #[serde(borrow, rename = "customerId")]
    pub customer_id: Text<'a>,
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow, default, rename = "minimumDownPaymentAmount", skip_serializing_if = "Option::is_none")]
    pub minimum_down_payment: Option<Amount<'a>>,
    #[serde(default, rename = "isLocked", skip_serializing_if = "Option::is_none")]
    pub is_locked: Option<bool>,
    #[serde(borrow, default, rename = "invoicePaymentInstructions", skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Invoice<'a>>,
    #[serde(borrow)]
    pub items: Vec<Item<'a>>,
}

shape!(Invoice {
    customer_account_id "customerAccountId" Text<'a>,
    invoicing_amount "invoicingAmount" Amount<'a>,
} optional {
    references "additionalInformation" Vec<Reference<'a>>,
});

shape!(Reference {
    id "id" Text<'a>,
    value "value" Text<'a>,
    display_text "displayText" Text<'a>,
    receipt_label "receiptLabel" Text<'a>,
} optional {});

shape!(Item {
    item_id "itemId" Text<'a>,
    quantity_ordered "quantityOrdered" Amount<'a>,
    unit_price "unitPrice" Amount<'a>,
} optional {
    contributed_amount "contributedAmount" Amount<'a>,
    discounts "discounts" Vec<Discount<'a>>,
});

shape!(Discount {} optional {
    discount_amount "discountAmount" Amount<'a>,
    discount_id "discountId" Text<'a>,
    discount_text "discountText" Text<'a>,
    reward_type "rewardType" Text<'a>,
});

shape!(Summary {
    customer_order_id "customerOrderId" Text<'a>,
    customer_id "customerId" Text<'a>,
    status "status" Text<'a>,
} optional {});

shape!(OrderDocument { order "customerOrder" Order<'a>, } optional {});
shape!(SearchDocument { orders "customerOrders" Vec<Summary<'a>>, } optional {});

pub fn get_order(body: &[u8], asked: &str) -> Result<Vec<u8>, Problem> {
    let document: OrderDocument = serde_json::from_slice(body).map_err(|error| broken(body, &error))?;
    document.encode(asked)
}

pub fn search_orders(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let document: SearchDocument = serde_json::from_slice(body).map_err(|error| broken(body, &error))?;
    encode(&document)
}

impl OrderDocument<'_> {
    /// Checks that an order is the one that was asked for.
    pub fn encode(&self, asked: &str) -> Result<Vec<u8>, Problem> {
        if self.order.customer_order_id.0 != asked {
            let detail =
                "is not the requested id; if the OMS uses another form of it, set `idMatch: ignoreCase` or `off`";
            let errors = vec![Violation { pointer: "/customerOrder/customerOrderId".into(), detail }];
            let problem = Problem::new(UPSTREAM_CONTRACT, "The OMS's answer is another order than the requested one.");
            return Err(problem.because("wrong-order").of(errors));
        }
        encode(self)
    }
}

pub fn encode(document: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(document)
        .map_err(|_| Problem::new(UPSTREAM_ERROR, "The answer can't be encoded.").because("contract"))
}

/// Says what is wrong with an answer: of what is missing all of it, which takes a second pass.
pub fn broken(body: &[u8], error: &serde_json::Error) -> Problem {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) if error.is_data() => value,
        _ => return Problem::new(UPSTREAM_ERROR, "The OMS's answer is not valid JSON.").because("malformed-json"),
    };
    let mut found = Vec::new();
    if let Some(orders) = value.get("customerOrders").and_then(Value::as_array) {
        for (index, each) in orders.iter().enumerate() {
            missing(
                each,
                &format!("/customerOrders/{index}"),
                &["customerOrderId", "customerId", "status"],
                &mut found,
            );
        }
    } else if let Some(order) = value.get("customerOrder") {
        missing(order, "/customerOrder", &["customerOrderId", "customerId", "status", "items"], &mut found);
        if let Some(invoice) = order.get("invoicePaymentInstructions").filter(|value| !value.is_null()) {
            let at = "/customerOrder/invoicePaymentInstructions";
            missing(invoice, at, &["customerAccountId", "invoicingAmount"], &mut found);
            for (index, each) in elements(invoice, "additionalInformation") {
                let at = format!("{at}/additionalInformation/{index}");
                missing(each, &at, &["id", "value", "displayText", "receiptLabel"], &mut found);
            }
        }
        for (index, each) in elements(order, "items") {
            missing(
                each,
                &format!("/customerOrder/items/{index}"),
                &["itemId", "quantityOrdered", "unitPrice"],
                &mut found,
            );
        }
    }
    if found.is_empty() {
        found.push(Violation { pointer: String::new(), detail: "must be of another type" });
    }
    contract(found)
}

pub fn contract(found: Vec<Violation>) -> Problem {
    let detail = "Fields of the OMS's answer are missing or have the wrong type.";
    Problem::new(UPSTREAM_CONTRACT, detail).because("contract").of(found)
}

fn elements<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    of.get(name).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn missing(of: &Value, at: &str, names: &[&str], found: &mut Vec<Violation>) {
    for name in names.iter().filter(|name| of.get(name).is_none()) {
        found.push(Violation { pointer: format!("{at}/{name}"), detail: "is missing" });
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Criteria<'a> {
    #[serde(borrow, rename = "customerId")]
    customer_id: Text<'a>,
}

/// Returns a search's criteria, checked and encoded anew.
pub fn criteria(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let invalid = |pointer: &str, detail| {
        let errors = vec![Violation { pointer: pointer.into(), detail }];
        Problem::new(INVALID_REQUEST, "The search criteria have invalid fields.").of(errors)
    };
    let read: Criteria = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        false => Problem::new(MALFORMED_JSON, "The body can't be parsed as JSON."),
        true if body == b"{}" => invalid("", "has no criterion; there are customerId"),
        true => invalid("/customerId", "must be a string"),
    })?;
    let value = &read.customer_id.0;
    if value.is_empty() || value.chars().count() > 256 || value.chars().any(char::is_control) {
        return Err(invalid("/customerId", "must have 1 to 256 characters, and no control characters"));
    }
    encode(&read)
}
