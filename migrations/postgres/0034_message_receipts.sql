-- Each time a delivery is planned, its message has a receipt of its own: that of a renewed alert says nothing of the one
-- before, and a receipt that arrives late still counts. It goes with its delivery.
CREATE TABLE message_receipt (
    -- The hash of the token with which the receiver confirms the message.
    receipt_hash uuid CONSTRAINT message_receipt_pkey PRIMARY KEY,
    delivery_id uuid NOT NULL CONSTRAINT message_receipt_delivery REFERENCES delivery ON DELETE CASCADE,
    planned_at timestamptz NOT NULL,
    -- When the receiver confirmed it, and when a person saw it.
    delivered_at timestamptz,
    seen_at timestamptz
);
CREATE INDEX message_receipt_by_delivery ON message_receipt (delivery_id);

INSERT INTO message_receipt (receipt_hash, delivery_id, planned_at, delivered_at, seen_at)
    SELECT receipt_hash, id, planned_at, delivered_at, seen_at FROM delivery;
-- No release has used these columns.
ALTER TABLE delivery DROP COLUMN receipt_hash, DROP COLUMN delivered_at, DROP COLUMN seen_at;
