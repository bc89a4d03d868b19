-- Dagster has the database that the image of Postgres makes; both it and MLflow have a table called `runs`.
CREATE DATABASE mlflow;
