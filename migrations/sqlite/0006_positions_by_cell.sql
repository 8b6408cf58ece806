-- A search for helpers reads their positions and nothing else, and a report of one who has hardly moved changes one row
-- in place. So the table is kept in the order of a grid, in which neighbours lie together, and knows who is on duty.

-- 2: on duty under every policy; 1: under the open one only; 0: not.
alter table account add column duty integer generated always as (
    case when blocked = 1 then 0
         when verification = 'verified' and available = 1 then 2
         when coalesce(available, 1) = 1 then 1
         else 0 end
) virtual;

drop index account_duty;
create index account_duty on account (duty);

-- The last position of everyone. A cell is a hundredth of a degree high and wide, counted from the south pole and the
-- antimeridian; those of a row are neighbours in number. `here` is the cell of the place, `duty` that of the account:
-- triggers keep them, and whoever writes a position need not know of them.
create table position_by_cell (
    cell       integer not null default 0,
    account_id blob    not null constraint position_account_key unique
                       constraint position_account_fk references account (id) on delete cascade,
    latitude   real    not null constraint position_latitude_check check (latitude between -90 and 90),
    longitude  real    not null constraint position_longitude_check check (longitude between -180 and 180),
    at         integer not null,
    duty       integer not null default 0 constraint position_duty_check check (duty in (0, 1, 2)),
    here       integer generated always as (
                   cast((latitude + 90) * 100 as integer) * 65536 + cast((longitude + 180) * 100 as integer)
               ) virtual,
    constraint position_pk primary key (cell, account_id)
) strict, without rowid;

insert into position_by_cell (cell, account_id, latitude, longitude, at, duty)
select cast((p.latitude + 90) * 100 as integer) * 65536 + cast((p.longitude + 180) * 100 as integer) as cell,
       p.account_id, p.latitude, p.longitude, p.at, a.duty
from position p join account a on a.id = p.account_id order by cell, p.account_id;

-- Its triggers and indices go with it. That of times is not made again: each report would write it, and only the count
-- of helpers for administrators asked it.
drop table position;
drop table position_area;
alter table position_by_cell rename to position;

create trigger position_inserted after insert on position begin
    update position set cell = new.here, duty = (select a.duty from account a where a.id = new.account_id)
    where account_id = new.account_id;
end;

-- Most reports come from within the same cell.
create trigger position_moved after update of latitude, longitude on position when new.here <> new.cell begin
    update position set cell = new.here where account_id = new.account_id;
end;

create trigger account_duty_changed after update of blocked, verification, available on account
when new.duty <> old.duty begin
    update position set duty = new.duty where account_id = new.id;
end;
