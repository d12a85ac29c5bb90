-- +goose Up
TRUNCATE payments;
