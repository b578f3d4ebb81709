# Serves an environment over OpenEnv's protocol:
#   docker build -t quintain .
#   docker run --rm -p 127.0.0.1:8000:8000 -e QUINTAIN_SERVE_TOKEN quintain serve CodeReason-v0 --host 0.0.0.0
# Programs of agents run in Quintain's sandbox; `docker run --rm quintain doctor` says which protections it has in here.
FROM python:3.11-slim
RUN useradd --create-home quintain
WORKDIR /home/quintain
COPY pyproject.toml README.md LICENSE source/
COPY quintain source/quintain
RUN pip install --no-cache-dir './source[serve,reason]' && rm -r source
USER quintain
EXPOSE 8000
ENTRYPOINT ["quintain"]
CMD ["serve", "CodeReason-v0", "--host", "0.0.0.0"]
