FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
WORKDIR /opt/webknossos
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY package.json package-lock.json .npmrc ./
COPY manage.py ./
COPY webknossos_site webknossos_site
COPY sharing sharing
COPY datasets datasets
COPY conversion conversion
COPY templates templates
COPY static static
RUN DATA_DIR=/tmp/build python manage.py install_frontend \
    && DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf node_modules /tmp/build
RUN useradd --system --uid 1000 webknossos && mkdir /data && chown webknossos /data
USER webknossos
CMD ["python", "manage.py", "up"]
