"""The parts that Meta's simulated platforms share: authorization, containers, the upload host and errors."""
