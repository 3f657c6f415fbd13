-- Once, when PostgreSQL's volume is new. The ledger and the publications are in the database `shoprec`.
CREATE DATABASE mlflow;
CREATE DATABASE mlflow_auth;
CREATE DATABASE prefect;
