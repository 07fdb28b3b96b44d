create role shop login password 'shop';
create database shop owner shop;
\connect shop shop
create table products (name text primary key, price numeric(8, 2) not null);
create table orders (id bigserial primary key, receipt text not null, at timestamptz not null default now());
insert into products values ('compass', 39.00), ('lantern', 24.50), ('rope', 12.00), ('sextant', 180.00);
