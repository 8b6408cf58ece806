-- Each time a delivery is planned, its message has a receipt of its own: that of a renewed alert says nothing of the one
-- before, and a receipt that arrives late still counts. It goes with its delivery.
create table message_receipt (
    -- The hash of the token with which the receiver confirms the message.
    receipt_hash blob    not null primary key,
    delivery_id  blob    not null constraint message_receipt_delivery_fk references delivery (id) on delete cascade,
    planned_at   integer not null,
    -- When the receiver confirmed it, and when a person saw it.
    delivered_at integer,
    seen_at      integer
) strict, without rowid;

create index message_receipt_by_delivery on message_receipt (delivery_id);

insert into message_receipt (receipt_hash, delivery_id, planned_at, delivered_at, seen_at)
    select receipt_hash, id, planned_at, delivered_at, seen_at from delivery;
-- No release has used these columns.
drop index delivery_receipt;
alter table delivery drop column receipt_hash;
alter table delivery drop column delivered_at;
alter table delivery drop column seen_at;
