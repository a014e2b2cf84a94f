{{/* Generated from tenantproxy_operator.api.constant_rules by `make crd`; don't edit. */}}
{{- define "tenantproxy.constantRules" -}}
- expression: object.spec.?mapping.?getOrder.?fields[?'customerOrderId'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word])
    == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it)
    == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.customerOrderId has a constant (`const`, `default`, `values`, `table`) that
    must be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'customerOrderId'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.customerOrderId.values lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'customerId'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word])
    == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it)
    == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.customerId has a constant (`const`, `default`, `values`, `table`) that must
    be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'customerId'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.customerId.values lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'status'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word])
    == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it)
    == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.status has a constant (`const`, `default`, `values`, `table`) that must
    be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'status'].optMap(rule, dyn(rule)[?'values'].optMap(them, size(them)
    > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.status.values lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'minimumDownPaymentAmount'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == int || type(them[word]) == double ||
    them[word] == null)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it,
    type(it) == int || type(it) == double || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.minimumDownPaymentAmount has a constant (`const`, `default`, `values`, `table`)
    that must be a number, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'minimumDownPaymentAmount'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.minimumDownPaymentAmount.values lists no value and there is no `default`;
    add one
- expression: object.spec.?mapping.?getOrder.?fields[?'isLocked'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == bool || it == null).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word,
    type(them[word]) == bool || them[word] == null)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row,
    dyn(row)[?'value'].optMap(it, type(it) == bool || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.isLocked has a constant (`const`, `default`, `values`, `table`) that must
    be a boolean, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'isLocked'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.isLocked.values lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, false || it == null).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, false || them[word] == null)).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions has a constant (`const`, `default`, `values`,
    `table`) that must be an object, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].optMap(rule, !dyn(rule)[?'values'].hasValue()).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.values is for single values; this field is an
    object, remove it
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'customerAccountId'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) &&
    dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.customerAccountId has a constant (`const`,
    `default`, `values`, `table`) that must be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'customerAccountId'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.customerAccountId.values lists no value
    and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'invoicingAmount'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == int || type(them[word]) == double)).orValue(true)
    && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == int || type(it) ==
    double).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.invoicingAmount has a constant (`const`,
    `default`, `values`, `table`) that must be a number, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'invoicingAmount'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.invoicingAmount.values lists no value
    and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, dyn(it) == [] || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, dyn(them[word]) == [] || them[word] == null)).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation has a constant (`const`,
    `default`, `values`, `table`) that must be a list, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].optMap(rule,
    !dyn(rule)[?'values'].hasValue()).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.values is for single
    values; this field is a list, remove it
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'id'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) &&
    dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.id has a
    constant (`const`, `default`, `values`, `table`) that must be a string, as the output field is; null is not,
    as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'id'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.id.values
    lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'value'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) &&
    dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.value has
    a constant (`const`, `default`, `values`, `table`) that must be a string, as the output field is; null is not,
    as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'value'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.value.values
    lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'displayText'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) &&
    dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.displayText
    has a constant (`const`, `default`, `values`, `table`) that must be a string, as the output field is; null is
    not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'displayText'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.displayText.values
    lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'receiptLabel'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) &&
    dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.receiptLabel
    has a constant (`const`, `default`, `values`, `table`) that must be a string, as the output field is; null is
    not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'invoicePaymentInstructions'].?fields[?'additionalInformation'].?fields[?'receiptLabel'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.invoicePaymentInstructions.fields.additionalInformation.fields.receiptLabel.values
    lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, dyn(it) == []).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, dyn(them[word])
    == [])).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items has a constant (`const`, `default`, `values`, `table`) that must be
    a list, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].optMap(rule, !dyn(rule)[?'values'].hasValue()).orValue(true)
  message: spec.mapping.getOrder.fields.items.values is for single values; this field is a list, remove it
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'itemId'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it,
    type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.itemId has a constant (`const`, `default`, `values`, `table`)
    that must be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'itemId'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.itemId.values lists no value and there is no `default`; add
    one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'quantityOrdered'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, type(them[word]) == int || type(them[word]) == double)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == int || type(it) == double).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.quantityOrdered has a constant (`const`, `default`, `values`,
    `table`) that must be a number, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'quantityOrdered'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.quantityOrdered.values lists no value and there is no `default`;
    add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'unitPrice'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, type(them[word]) == int || type(them[word]) == double)).orValue(true) && rule.?table.?rows.optMap(rows,
    rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == int || type(it) == double).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.unitPrice has a constant (`const`, `default`, `values`, `table`)
    that must be a number, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'unitPrice'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.unitPrice.values lists no value and there is no `default`;
    add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'contributedAmount'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == int || type(them[word]) == double ||
    them[word] == null)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it,
    type(it) == int || type(it) == double || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.contributedAmount has a constant (`const`, `default`, `values`,
    `table`) that must be a number, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'contributedAmount'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.contributedAmount.values lists no value and there is no `default`;
    add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, dyn(it) == [] || it == null).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, dyn(them[word]) == [] || them[word] == null)).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts has a constant (`const`, `default`, `values`, `table`)
    that must be a list, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].optMap(rule, !dyn(rule)[?'values'].hasValue()).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.values is for single values; this field is a list,
    remove it
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountAmount'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == int || type(it) == double
    || it == null).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == int ||
    type(them[word]) == double || them[word] == null)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row,
    dyn(row)[?'value'].optMap(it, type(it) == int || type(it) == double || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountAmount has a constant (`const`, `default`,
    `values`, `table`) that must be a number, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountAmount'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountAmount.values lists no value and there
    is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountId'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string || them[word] == null)).orValue(true)
    && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountId has a constant (`const`, `default`,
    `values`, `table`) that must be a string, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountId'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountId.values lists no value and there
    is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountText'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string || them[word] == null)).orValue(true)
    && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountText has a constant (`const`, `default`,
    `values`, `table`) that must be a string, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'discountText'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.discountText.values lists no value and there
    is no `default`; add one
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'rewardType'].optMap(rule,
    [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string || it == null).orValue(true))
    && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word]) == string || them[word] == null)).orValue(true)
    && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it) == string || it == null).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.rewardType has a constant (`const`, `default`,
    `values`, `table`) that must be a string, as the output field is; or null
- expression: object.spec.?mapping.?getOrder.?fields[?'items'].?fields[?'discounts'].?fields[?'rewardType'].optMap(rule,
    dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.getOrder.fields.items.fields.discounts.fields.rewardType.values lists no value and there
    is no `default`; add one
- expression: object.spec.?mapping.?searchOrders.?fields[?'customerOrderId'].optMap(rule, [dyn(rule)[?'const'],
    dyn(rule)[?'default']].all(each, each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them,
    them.all(word, type(them[word]) == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it,
    type(it) == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.searchOrders.fields.customerOrderId has a constant (`const`, `default`, `values`, `table`)
    that must be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?searchOrders.?fields[?'customerOrderId'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.searchOrders.fields.customerOrderId.values lists no value and there is no `default`; add
    one
- expression: object.spec.?mapping.?searchOrders.?fields[?'customerId'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word])
    == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it)
    == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.searchOrders.fields.customerId has a constant (`const`, `default`, `values`, `table`) that
    must be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?searchOrders.?fields[?'customerId'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.searchOrders.fields.customerId.values lists no value and there is no `default`; add one
- expression: object.spec.?mapping.?searchOrders.?fields[?'status'].optMap(rule, [dyn(rule)[?'const'], dyn(rule)[?'default']].all(each,
    each.optMap(it, type(it) == string).orValue(true)) && dyn(rule)[?'values'].optMap(them, them.all(word, type(them[word])
    == string)).orValue(true) && rule.?table.?rows.optMap(rows, rows.all(row, dyn(row)[?'value'].optMap(it, type(it)
    == string).orValue(true))).orValue(true)).orValue(true)
  message: spec.mapping.searchOrders.fields.status has a constant (`const`, `default`, `values`, `table`) that must
    be a string, as the output field is; null is not, as the field is required
- expression: object.spec.?mapping.?searchOrders.?fields[?'status'].optMap(rule, dyn(rule)[?'values'].optMap(them,
    size(them) > 0).orValue(true) || dyn(rule)[?'default'].optMap(it, it != null).orValue(false)).orValue(true)
  message: spec.mapping.searchOrders.fields.status.values lists no value and there is no `default`; add one
{{- end -}}
